"""Headers that are not one line of as many names as there are columns: read for what is certain, else refused."""

from __future__ import annotations

import pytest

from logitwise.data import DataError, read
from logitwise.data.streaming import read_parts
from made_files import written

ROW_NAMES = "The header has one name less than the rows have fields: the first column is called unnamed."
DISTINCT = {
    "integers": "size,ripe\n1,1.5,yes\n2,2.5,no\n",
    "integers, some rows left out": "size,ripe\n3,1.5,yes\n7,2.5,no\n12,2.5,no\n",
    "words": "size,ripe\nFiat 128,1.5,yes\nFiat X1,2.5,no\n",
    "three digits behind row names": "size,ripe\n1,150,yes\n2,250,no\n",
    "two and three digits": "age,height,ripe\na,18,150,yes\nb,19,250,no\n",
    "spaces": '"size" "ripe"\n"1" 1.5 "yes"\n"2" 2.5 "no"\n',
    "semicolons": "size;ripe\n1;1,5;yes\n2;2,5;no\n",
    "spaces behind all separators": "size,ripe\n1, 1.5, yes\n2, 2.5, no\n",
    "names that are numbers": "2019,2020\na,1.5,yes\nb,2.5,no\n",
}


@pytest.mark.parametrize("case", DISTINCT)
def test_row_names_leave_a_header_one_name_short_and_a_note_says_so(case, tmp_path):
    path = written(tmp_path, DISTINCT[case])
    names = DISTINCT[case].split("\n")[0].replace('"', "").replace(";", ",").replace(" ", ",").split(",")
    for found in (read(path), read_parts(path)):
        found_names = found.features.columns if hasattr(found, "features") else list(found.names)
        assert found_names == ["unnamed", *names]
        assert [str(note) for note in found.notes].count(ROW_NAMES) == 1


# The text, and how many names and fields it has.
SHORT = {
    "a first column that repeats": ("group,size,y\na,x,1,p\na,y,2,q\nb,z,3,p\n", 3),
    "a repetition far below": (
        "size,ripe\n" + "".join(f"{row},{row}.5,yes\n" for row in range(1, 400)) + "7,1.5,no\n",
        2,
    ),
    "a first column with a gap": ("size,ripe\na,1.5,yes\n,2.5,no\nc,2.5,no\n", 2),
    "thousands in the first column": ("amount,y\n1,200,u\n3,400,v\n", 2),
    "thousands in the first column, again": ("amount,y\n1,200,u\n1,400,v\n", 2),
    "thousands in another column": ("id,amount,y\n1,1,200,u\n2,3,050,v\n", 3),
    "names with a comma": ("id,name,amt,y\n1,Smith, John,5,p\n2,Miller, Ann,6,q\n", 4),
    "spaces": ("size  ripe\na 1.5 yes\na 2.5 no\n", 2),
    "what is said to be data": ("1,2\n1,2,3\n4,5,6\n", None),
}


@pytest.mark.parametrize("case", SHORT)
def test_a_header_that_is_one_name_short_is_refused_where_its_first_column_is_no_row_names(case, tmp_path):
    text, count = SHORT[case]
    path = written(tmp_path, text)
    for reader in (read, read_parts):
        if count is None:
            with pytest.raises(DataError, match=r"as many fields in every line as in its first, 2; got 3 at line 2"):
                reader(path, header=False)
            continue
        with pytest.raises(DataError) as caught:
            reader(path)
        sign = "a run of spaces" if case == "spaces" else "','"
        assert str(caught.value) == (
            f"source must have as many names in its header as fields in its rows; got {count} names in line 1 and "
            f"{count + 1} fields in each row of {str(path)!r}. If a field holds the separator ({sign}), put it in "
            "double quotes; if the first column is the names of the rows, name it in the header."
        )


def test_names_are_no_help_for_a_header_that_is_one_name_short(tmp_path):
    path = written(tmp_path, DISTINCT["words"])
    with pytest.raises(DataError, match=r"^names must be left out for a file that names its columns"):
        read(path, names=["a", "b", "c"])
    assert read(path, names=["size", "ripe"]).features.columns == ["unnamed", "size", "ripe"]

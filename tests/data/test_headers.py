"""Headers that are not one line of as many names as there are columns: read for what is certain, else refused."""

from __future__ import annotations

import pytest

from logitwise.data import DataError, read, streaming
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


ROWS = "1,22.5,yes,0.5\n2,23.5,no,1.5\n3,,no,2.5\n4,24.5,yes,\n"
NAMES = ["n", "heat", "ripe", "share"]
SECOND = {
    "units": "n,heat,ripe,share\n,(C),,(%)\n",
    "signs": "n,heat,ripe,share\n,°C,,%\n",
    "types": "n,heat,ripe,share\nINT,DOUBLE,STRING,DOUBLE\n",
    "Response": "n,heat,ripe,share\nResponse,Response,Response,Response\n",
    "units with digits": "n,heat,ripe,share\n,kg/m3,,mm2\n",
    "behind titles": "Fruit\nn,heat,ripe,share\n,(C),,(%)\n",
    "quoted": '"n","heat","ripe","share"\n"","(C)","","(%)"\n',
}


@pytest.mark.parametrize("bytes_at_once", [20, 1 << 20])
@pytest.mark.parametrize("case", SECOND)
def test_a_second_line_of_header_is_left_out_and_a_note_says_so(case, bytes_at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", bytes_at_once)
    path = written(tmp_path, SECOND[case] + ROWS)
    line = SECOND[case].count("\n")
    for options in ({}, {"header": True}, {"target": "ripe"}):
        found = read(path, **options)
        table = found.features
        assert found.has_header
        assert found.positions is None
        assert table["n"].to_list() == [1, 2, 3, 4]
        assert table["heat"].to_list() == [22.5, 23.5, None, 24.5]
        assert table["share"].to_list() == [0.5, 1.5, 2.5, None]
        assert [str(note) for note in found.notes][-1].startswith(f"Line {line}, below the header (")
        assert str(found.notes[-1]).endswith("), has words where all rows have numbers and is left out.")
    for names in ((), (tuple(NAMES),)):
        parts = read_parts(path, numbers=["heat"], names=names)
        tables = list(parts.parts)
        assert list(parts.names) == NAMES
        assert [float(cell) for part in tables for cell in part.table["n"].to_list()] == [1, 2, 3, 4]
        assert any("below the header" in str(note) for note in parts.notes)


def test_a_second_line_below_cells_without_names_is_left_out(tmp_path):
    text = "n,heat,,share\n,Response,,Response\n1,2,x,3\n2,3,y,4\n3,4,x,5\n"
    found = read(written(tmp_path, text), target="share")
    assert found.features.columns == ["n", "heat", "unnamed"]
    assert found.target.tolist() == [3, 4, 5]


FIRST_ROWS = {
    "one column alone": "n,heat,ripe,share\n1,(C),,0.5\n" + ROWS,
    "gaps": "n,heat,ripe,share\n1,-,,unknown\n" + ROWS,
    "marks": "n,heat,ripe,share\n*,..,,#REF!\n" + ROWS,
    "a number beside": "n,heat,ripe,share\n1,(C),,(%)\n" + ROWS,
    "a label that recurs": "n,heat,ripe,share\n,error,yes,error\n" + ROWS,
    "bounds": "n,heat,ripe,share\n,<0.1,,>99 %\n" + ROWS,
    "another such row": "n,heat,ripe,share\n,(C),,(%)\n" + ROWS + ",err,,err\n",
    "two other rows": "n,heat,ripe,share\n,(C),,(%)\n1,2,x,3\n2,3,y,4\n",
    "units in each row": "n,heat,ripe,share\n,5 C,,5 kg\n" + ROWS,
}


@pytest.mark.parametrize("case", FIRST_ROWS)
def test_a_first_row_that_may_be_a_row_stays(case, tmp_path):
    path = written(tmp_path, FIRST_ROWS[case])
    found = read(path, header=True)
    assert found.features.height == FIRST_ROWS[case].count("\n") - 1
    assert not any("below the header" in str(note) for note in found.notes)
    assert sum(part.table.height for part in read_parts(path, header=True).parts) == found.features.height


def test_the_places_of_rows_count_from_below_a_second_line(tmp_path):
    path = written(tmp_path, SECOND["units"] + ROWS.replace("3,,no", "n,heat,ripe,share\n3,,no"))
    found = read(path)
    assert found.features["n"].to_list() == [1, 2, 3, 4]
    assert found.positions.tolist() == [0, 1, 3, 4]
    assert "Line 5 repeats the header" in str(found.notes[-1])

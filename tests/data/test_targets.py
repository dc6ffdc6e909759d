"""The target of a text file: labels that are names, and what is said of one that is not there."""

from __future__ import annotations

import pytest

from logitwise.data import DataError, read
from made_files import written

LABELS = {
    "a leading zero": (["007", "7", "12"], ["007", "7", "12"]),
    "a leading zero alone": (["0042", "43"], ["0042", "43"]),
    "two zeros": (["00", "1"], ["00", "1"]),
    "a leading zero beside a fraction": (["01", "1.5"], ["01", "1.5"]),
    "a leading zero after a strip": (["07.", "7."], ["07", "7"]),
    "16 digits": (["1234567890123456", "1"], ["1234567890123456", "1"]),
    "more digits than int64 has": (["99999999999999999999", "99999999999999999998"], None),
    "15 digits": (["123456789012345", "1"], [123456789012345, 1]),
    "zero": (["0", "1"], [0, 1]),
    "fractions": (["0.5", "1.5"], [0.5, 1.5]),
}


@pytest.mark.parametrize("target", ["y", -1])
@pytest.mark.parametrize("case", LABELS)
def test_labels_that_are_written_as_names_stay_text(case, target, tmp_path):
    labels, expected = LABELS[case]
    path = written(tmp_path, "size,y\n" + "".join(f"0{row},{label}\n" for row, label in enumerate(labels)))
    found = read(path, target=target, label_strip=".")
    assert found.target.tolist() == (labels if expected is None else expected)
    assert found.features["size"].to_list() == list(range(len(labels)))


def test_a_missing_label_that_is_written_as_a_name_is_missing(tmp_path):
    path = written(tmp_path, "size,y\n1,007\n2,NA\n3,7\n")
    assert read(path, target="y", drop_unlabelled=True).target.tolist() == ["007", "7"]
    with pytest.raises(DataError, match=r"1 missing in column 'y'"):
        read(path, target="y")


# The text, the line in which the name stands, and the rest of the advice.
LINES = {
    "titles of as many fields": ("Fruit,,\nof 2024,,\nsize,colour,ripe\n1,red,yes\n2,blue,no\n", 3),
    "a header of two lines": ("fruit,fruit,label\nsize,colour,ripe\n1,red,yes\n2,blue,no\n", 2),
    "quotes": ('"a","b","c"\n"size","colour","ripe"\n"1","red","yes"\n', 2),
    "semicolons": ("Fruit;;x\nsize;colour;ripe\n1;red;yes\n2;blue;no\n", 2),
    "a title with more fields": ("Fruit,of,2024,all\nsize,colour,ripe,n\n1,red,yes,1\n2,blue,no,2\n", 2),
    "UTF-16": ("a,b,c\nsize,colour,ripe\n1,red,yes\n2,blue,no\n".encode("utf-16"), 2),
}


@pytest.mark.parametrize("case", LINES)
def test_a_name_that_stands_further_below_is_found(case, tmp_path):
    text, line = LINES[case]
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, text), target="ripe")
    assert f" 'ripe' stands in line {line}: if that line names the columns, leave out the lines above it." in str(
        caught.value
    )
    assert "name a position" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "size,colour,y\n1,red,ripe\n2,blue,ripe\n3,red,no\n",
        "1,red,ripe\n2,blue,ripe\n3,red,ripe\n",
        "1,red,no\n" * 30 + "size,colour,ripe\n",
    ],
)
def test_a_value_is_no_name(text, tmp_path):
    with pytest.raises(DataError, match=r"target must be a column of the table, .*; got 'ripe'") as caught:
        read(written(tmp_path, text), target="ripe")
    assert "stands in line" not in str(caught.value)


def test_a_name_in_a_first_line_of_fewer_fields_is_found(tmp_path):
    path = written(tmp_path, "id,name,ripe\n1,Smith, John, Jr,yes\n2,Miller, Ann, Jr,no\n3,Miller, Jo, Jr,no\n")
    with pytest.raises(DataError, match="'ripe' stands in line 1, which was not read as the header: has it as many f"):
        read(path, target="ripe")
    with pytest.raises(DataError, match="The file has no header: name a position, such as -1"):
        read(written(tmp_path, "size,ripe\n1,yes\n"), target="ripe", header=False)


SEPARATED = {
    "tabs": "a,b\tc\n1\tx\n",
    "commas": "a,b\n1,x\n",
    "semicolons": "a;b\n1;x\n",
    "spaces": "a b\n1 x\n",
    "'|'": "a|b\n1|x\n",
}


@pytest.mark.parametrize("target", ["5", 5, -3])
@pytest.mark.parametrize("case", SEPARATED)
def test_a_position_out_of_range_names_the_separator(case, target, tmp_path):
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, SEPARATED[case]), target=target)
    assert str(caught.value) == (
        f"target must be in [-2, 1] for 2 columns; got {target}. It was read as 2 columns separated by {case}: if that "
        "is wrong, say what separates them (separator)."
    )


def test_a_position_out_of_range_in_one_column(tmp_path):
    with pytest.raises(DataError) as caught:
        read(written(tmp_path, "a:b\n1:x\n"), target=1)
    assert str(caught.value) == (
        "target must be in [-1, 0] for 1 columns; got 1. If it has other columns, say what separates them (separator)."
    )

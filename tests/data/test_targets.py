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

"""The readers: what they make of real files and of made ones."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import datasets

from logitwise.data import BUNDLED, DataError, Dataset, check_source, formats, is_table_file, read
from logitwise.data.digest import source_sha256
from logitwise.data.streaming import read_parts
from logitwise.data.text import fields
from made_files import IMAGES, LABELS, idx, written

# file, target, shape of the features, count of each label (from the files themselves, by cut, sort and uniq)
SHARED_TABLES = {
    "adult-train.csv": (-1, (32561, 14), {"<=50K": 24720, ">50K": 7841}),
    "adult-test.csv": (-1, (16281, 14), {"<=50K.": 12435, ">50K.": 3846}),
    "breast-cancer.csv": (-1, (286, 9), {"recurrence-events": 85, "no-recurrence-events": 201}),
    "horse-colic.csv": (23, (300, 27), {1: 191, 2: 109}),
    "sonar.csv": (-1, (208, 60), {"R": 97, "M": 111}),
    "banknote_authentication.csv": (-1, (1372, 4), {0: 762, 1: 610}),
    "wheat-seeds.csv": (-1, (210, 7), {1: 70, 2: 70, 3: 70}),
    "winequality-white.csv": (-1, (4898, 11), {3: 20, 4: 163, 5: 1457, 6: 2198, 7: 880, 8: 175, 9: 5}),
}


def columns(dataset: Dataset) -> dict[str, list]:
    assert isinstance(dataset.features, pl.DataFrame)
    return dataset.features.to_dict(as_series=False)


# --- the real files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHARED_TABLES)
def test_shared_tables_have_their_shapes_and_labels(shared_data, name):
    target, shape, counts = SHARED_TABLES[name]
    dataset = read(shared_data / name, target=target)
    assert dataset.features.shape == shape
    assert Counter(dataset.target.tolist()) == counts
    assert dataset.target.dtype == (object if isinstance(next(iter(counts)), str) else np.int64)
    assert dataset.has_header is False
    assert dataset.target_name == f"column_{target % (shape[1] + 1)}"


def test_adult_has_its_types_and_missing_values(shared_data):
    features = read(shared_data / "adult-train.csv", target="-1").features
    numbers = [name for name, dtype in features.schema.items() if dtype.is_numeric()]
    assert numbers == [f"column_{i}" for i in (0, 2, 4, 10, 11, 12)]
    assert features.null_count().row(0) == (0, 1836, 0, 0, 0, 0, 1843, 0, 0, 0, 0, 0, 0, 583)
    assert features["column_1"][0] == "State-gov"


def test_label_strip_makes_the_labels_of_adult_agree(shared_data):
    test = read(shared_data / "adult-test.csv", target=-1, label_strip=".")
    assert Counter(test.target.tolist()) == {"<=50K": 12435, ">50K": 3846}


def test_breast_cancer_is_unquoted_and_its_nan_is_missing(shared_data):
    features = read(shared_data / "breast-cancer.csv", target=-1).features
    assert features.row(0) == ("40-49", "premeno", "15-19", "0-2", "yes", 3, "right", "left_up", "no")
    assert features["column_4"].null_count() == 8


def test_horse_colic_is_all_numbers_and_says_which_outcome_is_missing(shared_data):
    path = shared_data / "horse-colic.csv"
    features = read(path).features
    assert all(dtype.is_numeric() for dtype in features.dtypes)
    assert features["column_24"][:4].to_list() == [11300, 2208, 0, 2208]
    assert sum(features.null_count().row(0)) == path.read_text().count("?")
    with pytest.raises(DataError) as caught:
        read(path, target=22)
    assert str(caught.value) == (
        f"target must have a value in every row; got 1 missing in column 'column_22' of {str(path)!r}, "
        "written '?' (1 row), the first at row 132, counted from 0. If that is a label, keep it (na_values=()); else "
        "fill them in, or drop those rows (drop_unlabelled)."
    )
    outcome = read(path, target=22, drop_unlabelled=True)
    assert outcome.features.shape == (299, 27)
    assert outcome.positions.tolist() == [*range(132), *range(133, 300)]
    assert Counter(outcome.target.tolist()) == {1: 178, 2: 77, 3: 44}


def test_mnist_sample_brings_its_test_part(shared_data):
    train = read(shared_data / "mnist-sample")
    assert train.features.shape == (1033, 28, 28)
    assert train.features.dtype == np.uint8
    assert train.target[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.test.features.shape == (1825, 28, 28)
    assert train.test.target[:5].tolist() == [7, 2, 1, 0, 4]
    alone = read(shared_data / "mnist-sample" / "t10k-images-idx3-ubyte.gz")
    assert np.array_equal(alone.features, train.test.features)
    assert np.array_equal(alone.target, train.test.target)


# --- text: fields, types, lines ---------------------------------------------------------------------------------------

CELLS = {
    "comma": ("a,b\n1,x\n2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "semicolon": ("a;b\n1;x,1\n2;y\n", {"a": [1, 2], "b": ["x,1", "y"]}),
    "tab": ("a\tb\n1\tx\n2\ty\n", {"a": [1, 2], "b": ["x", "y"]}),
    "separators in a quoted header": ('"a;;;",b\n1,x\n', {"a;;;": [1], "b": ["x"]}),
    "carriage returns": ("a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "carriage returns alone": ("a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}),
    "no last line end": ("a,b\n1,x\n2,y", {"a": [1, 2], "b": ["x", "y"]}),
    "byte order mark": ("\ufeff\na,b\n1,x\n", {"a": [1], "b": ["x"]}),
    "blank lines": ("\n  \r\na,b\n\n1,x\n \n2,y\n\n\n", {"a": [1, 2], "b": ["x", "y"]}),
    "one column": ("a\n1\n\n2\n", {"a": [1, 2]}),
    "one column, quoted empty": ('a\n1\n""\n2\n', {"a": [1, None, 2]}),
    "unicode": ("größe,色\n1,é\n", {"größe": [1], "色": ["é"]}),
    "spaces": (" a , b\n 1 , x y \n", {"a": [1], "b": ["x y"]}),
    "quotes": ('a,b\n"1","x, ""y""\n z"\n', {"a": [1], "b": ['x, "y"\n z']}),
    "spaces around quotes": ('a, "b, c"\n1, "x, y" \n', {"a": [1], "b, c": ["x, y"]}),
    "single quotes": ("'a',b\n'1','it''s'\n2,'tis\n", {"a": [1, 2], "b": ["'it''s'", "'tis"]}),
    "missing marks": (
        "a,b\n?,?\n,\nNA,N/A\nNaN,nan\nnull,NULL\n'?',\"\"\n#N/A,None\nn/a,<NA>\n1.5,none\n",
        {"a": [None] * 8 + [1.5], "b": [None] * 8 + ["none"]},
    ),
    "all missing": ("a,b\n,1\n?,2\n", {"a": [None, None], "b": [1, 2]}),
    "rows of nothing but separators": ("a,b\n,\n1,2\n", {"a": [None, 1], "b": [None, 2]}),
    "leading zeros and signs": ("a,b\n007,+1\n010,-2\n", {"a": [7, 10], "b": [1, -2]}),
    "decimals": ("a,b\n1,.5\n2.,1e3\n", {"a": [1.0, 2.0], "b": [0.5, 1000.0]}),
    "beyond int64": ("a,b\n1,x\n99999999999999999999,y\n", {"a": [1.0, 1e20], "b": ["x", "y"]}),
    "not quite numbers": ("a,b\n1,1_000\n0x1,2\n", {"a": ["1", "0x1"], "b": ["1_000", "2"]}),
    "two line ends inside quotes, then a blank line": ('a,b\n"x\n\ny",1\n\nz,2\n', {"a": ["x\n\ny", "z"], "b": [1, 2]}),
    "as many commas as semicolons": ("a,b;c\n1,x;y\n", {"a": [1], "b;c": ["x;y"]}),
    "as many semicolons as tabs": ("a;b\tc\n1;x\ty\n", {"a": [1], "b\tc": ["x\ty"]}),
    "more tabs than commas": ("a,b\tc\td\n1\t2\t3\n", {"a,b": [1], "c": [2], "d": [3]}),
    "a line of a tab and spaces": ("a,b\n1,2\n \t \n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "a line end inside quotes in the first line": ('"a\nb";"c,,,";d\n1;2;3\n', {"a\nb": [1], "c,,,": [2], "d": [3]}),
    "separators of the lines below": ("a,b\n1;2;3,4;5\n", {"a": ["1;2;3"], "b": ["4;5"]}),
    "more separators inside quotes than outside": ('"a;b;c",d\n"x;y;z",2\n', {"a;b;c": ["x;y;z"], "d": [2]}),
    "truth values stay text": ("a,b\ntrue,1\nFalse,2\n", {"a": ["true", "False"], "b": [1, 2]}),
}


@pytest.mark.parametrize("case", CELLS)
def test_text_is_read_by_the_rules(tmp_path, case):
    text, expected = CELLS[case]
    found = columns(read(written(tmp_path, text), header=True))
    assert found == expected
    assert [[type(v) for v in column] for column in found.values()] == [[type(v) for v in c] for c in expected.values()]


@pytest.mark.parametrize("suffix", [".csv.gz", ".CSV", ".txt", ".data", ".csv", ".txt.gz", ".DATA.GZ"])
def test_text_is_unpacked_by_its_content(tmp_path, suffix):
    path = written(tmp_path, gzip.compress(b"a,b\n1,x\n"), f"t{suffix}")
    assert columns(read(path)) == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize("name", ["t.TSV", "t.tsv.gz", "t.tsv.GZ", "t.csv.tsv"])
def test_a_tsv_is_split_at_tabs_alone(tmp_path, name):
    text = b"a,b,c\td\n,1,\t2\n\t\n \n\t3\n"
    path = written(tmp_path, gzip.compress(text) if name.lower().endswith("gz") else text, name)
    assert columns(read(path)) == {"a,b,c": [",1,", None, None], "d": [2, None, 3]}
    parts = read_parts(path)
    assert [row for part in parts.parts for row in part.table.rows()] == [(",1,", "2"), (None, None), (None, "3")]


def test_a_tsv_is_split_at_tabs_even_where_commas_give_more_fields(tmp_path):
    assert columns(read(written(tmp_path, "a,b,c\td\nx,2,3\t4\n", "t.tsv"))) == {"a,b,c": ["x,2,3"], "d": [4]}


def test_what_only_ends_like_tsv_is_split_by_its_first_line(tmp_path):
    assert columns(read(written(tmp_path, "a,b\tc,d\n1,2,3\n", "t.tsv.csv"))) == {"a": [1], "b\tc": [2], "d": [3]}


def test_types_are_inferred_over_all_rows(tmp_path):
    path = written(tmp_path, "a,b\n" + "1,2\n" * 5000 + "x,2.5\n")
    features = read(path).features
    assert features.dtypes == [pl.String, pl.Float64]
    assert features.row(-1) == ("x", 2.5)


texts = st.text("ab ,\"\n'", max_size=5).map(lambda text: f"b{text}" if text.strip().startswith("'") else text)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(texts, min_size=n, max_size=n), min_size=1, max_size=8)),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(tmp_path, rows, quoting, line_end):
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=line_end).writerows(rows)
    found = read(written(tmp_path, text.getvalue()), header=False).features.rows()
    expected = [[cell.strip() or None for cell in row] for row in rows]
    lines = [
        [f'"{cell}"' if quoting == csv.QUOTE_ALL or "\n" in cell or "\r" in cell else cell for cell in row]
        for row in rows
    ]
    filled = [place for place, row in enumerate(lines) if any(cell.strip() for cell in row)]
    if filled:  # lines of separators alone are no rows at the beginning and at the end
        expected = expected[filled[0] : filled[-1] + 1]
    while len(expected) > 1 < len(expected[0]) and not any(
        row[-1] for row in expected
    ):  # a last column of nothing is none
        expected = [row[:-1] for row in expected]
    assert found == [tuple(row) for row in expected]


# --- the header -------------------------------------------------------------------------------------------------------

HEADERS = {
    "text over numbers": ("a,b\n1,2\n", True),
    "a number": ("a,1\nb,2\n", False),
    "a missing mark": ("a,?\nb,c\n", False),
    "an empty cell": ("a,,c\nb,1,2\n", False),
    "an empty first cell, as pandas writes": (",a,b\n0,x,1\n1,y,2\n", True),
    "a value that occurs again in its column": ("m,red\nf,blue\nm,green\n", False),
    "a value that occurs again in another column": ("m,red\nred,blue\nf,green\n", True),
    "a value that occurs again beside a column of numbers": ("type,size\ntype,1\nother,2\n", True),
    "names that repeat over text": ("a,a\nb,c\n", False),
    "text over numbers and missing marks": ("a,b\nx,?\ny,3\nx,\n", True),
    "text over text": ("a,b\nc,d\n", True),
    "one line of data": ("1,x\n", False),
    "a number first": ("1,a\nb,2\n", False),
    "a missing mark first": ("?,a\nb,2\n", False),
    "a number last": ("a,b,3.5\nc,d,1\n", False),
    "text over missing values alone, recurring": ("m,size\nm,?\nf,\n", False),
    "text over missing values alone": ("m,size\nf,?\ng,\n", True),
    "a value that occurs again in its last column": ("m,red\nf,blue\ng,red\n", False),
    "two empty cells": (",,c\na,b,d\n", False),
    "infinity and exponents": ("inf,x\n1,y\n", False),
}


@pytest.mark.parametrize("case", HEADERS)
def test_the_header_is_told_from_data(tmp_path, case):
    text, has_header = HEADERS[case]
    dataset = read(written(tmp_path, text))
    assert dataset.has_header is has_header
    assert dataset.features.height == text.count("\n") - has_header


COLUMNS_WITHOUT_NAME = {
    "plain": "{first}\n1,2,3,4\n",
    "in quotes": '{first}\n"1",2,3,"4"\n',
    "behind blank lines": "\n{first}\n\n1,2,3,4\n",
}


@pytest.mark.parametrize("case", COLUMNS_WITHOUT_NAME)
def test_columns_without_a_name_have_their_position(tmp_path, case):
    text = COLUMNS_WITHOUT_NAME[case]
    named = written(tmp_path, text.format(first=",b,, "), "named.csv")
    bare = written(tmp_path, text.format(first="5,6,7,8"), "bare.csv")
    for path, names in (
        (named, ["unnamed", "b", "unnamed_2", "unnamed_3"]),
        (bare, ["column_0", "column_1", "column_2", "column_3"]),
    ):
        has_header = path is named
        assert read(path, header=has_header).features.columns == names
        assert read(path, target=0, header=has_header).target_name == names[0]
        assert read(path, target=names[3], header=has_header).target.tolist() == ([4] if has_header else [8, 4])
        assert read_parts(path, header=has_header).names == tuple(names)


def test_one_column_without_a_name_is_column_0(tmp_path):
    assert read(written(tmp_path, "1\n2\n")).features.columns == ["column_0"]


@pytest.mark.parametrize("length", [0, 1, fields._IN_CACHE - 1, fields._IN_CACHE, 3 * fields._IN_CACHE + 1])
def test_a_frequent_byte_is_counted_to_the_last(length):
    text = bytes(np.random.default_rng(length).choice(list(b",;a"), length).tolist()) + b","
    assert fields._count(text, ord(",")) == text.count(b",")


def test_header_overrules(tmp_path):
    path = written(tmp_path, "2019,2020,\n1,2,3\n")
    assert columns(read(path, header=True)) == {"2019": [1], "2020": [2], "unnamed": [3]}
    assert columns(read(path, header=False)) == {"column_0": [2019, 1], "column_1": [2020, 2], "column_2": [None, 3]}


# --- the target -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("b", "b"), (1, "b"), (-1, "1"), ("-1", "1"), ("+0", "a"), ("0", "a"), ("1", "1"), (np.int64(0), "a"),
        (2, "1"), (-3, "a"), ("-3", "a"), ("+2", "1"),
    ],
)  # fmt: skip
def test_target_is_a_name_or_else_a_position(tmp_path, target, name):
    table = {"a": [1, 2], "b": [3, 4], "1": [5, 6]}
    path = written(tmp_path, "a,b,1\n1,3,5\n2,4,6\n")
    dataset = read(path, target=target, header=True)
    assert dataset.target_name == name
    assert dataset.target.tolist() == table.pop(name)
    assert columns(dataset) == table


def test_no_target_leaves_every_column_a_feature(tmp_path):
    dataset = read(written(tmp_path, "a,b\n1,x\n"))
    assert columns(dataset) == {"a": [1], "b": ["x"]}
    assert dataset.target is None
    assert dataset.target_name is None


LABEL_CASES = {
    "integers": ("1\n2\n", "", [1, 2], np.int64),
    "floats": ("1.5\n2\n", "", [1.5, 2.0], np.float64),
    "text": ("x\ny\n", "", ["x", "y"], object),
    "truth values": ("true\nfalse\n", "", ["true", "false"], object),
    "stripped": ("x.\n.y !\n", ".!", ["x", "y"], object),
    "stripped to numbers": ("0.\n1.\n", ".", [0, 1], np.int64),
    "stripped at both ends, not inside": ("..x.y.\n. z\n", ".", ["x.y", "z"], object),
    "not stripped unless asked": ("x.\n.y\n", "", ["x.", ".y"], object),
}


@pytest.mark.parametrize("case", LABEL_CASES)
def test_labels_keep_their_kind(tmp_path, case):
    cells, label_strip, labels, dtype = LABEL_CASES[case]
    path = written(tmp_path, "label,a\n" + cells.replace("\n", ",.x.\n"))
    dataset = read(path, target="label", header=True, label_strip=label_strip)
    assert dataset.target.tolist() == labels
    assert dataset.target.dtype == dtype
    assert columns(dataset) == {"a": [".x.", ".x."]}


# --- Parquet, arrays, images, bundled ---------------------------------------------------------------------------------

PARQUET = {
    "bool": (pl.Series("y", [True, False]), [True, False], np.bool_),
    "uint8": (pl.Series("y", [1, 2], dtype=pl.UInt8), [1, 2], np.int64),
    "uint64": (pl.Series("y", [1, 2**64 - 1], dtype=pl.UInt64), [1, 2**64 - 1], np.uint64),
    "float32": (pl.Series("y", [0.5, 1.5], dtype=pl.Float32), [0.5, 1.5], np.float64),
    "text of digits": (pl.Series("y", ["1", "?"]), ["1", "?"], object),
    "categories": (pl.Series("y", ["a.", "b."], dtype=pl.Categorical), ["a", "b"], object),
}


@pytest.mark.parametrize("case", PARQUET)
def test_parquet_keeps_its_types(tmp_path, case):
    labels, expected, dtype = PARQUET[case]
    features = pl.DataFrame({"a": ["01", None], "b": [1.5, None]})
    path = tmp_path / "t[1].parquet"
    features.with_columns(labels).write_parquet(path)
    dataset = read(path, target="y", label_strip=".")
    assert dataset.features.equals(features)
    assert dataset.target.tolist() == expected
    assert dataset.target.dtype == dtype
    assert dataset.has_header is True


UNLABELLED = {
    "numbers": (pl.Series("y", [None, 1.5, float("nan"), 2.0]), [1.5, 2.0], [1, 3]),
    "integers": (pl.Series("y", [4, None, None, 5]), [4, 5], [0, 3]),
    "text": (pl.Series("y", ["a", "b", None, "c"]), ["a", "b", "c"], [0, 1, 3]),
    "truth values": (pl.Series("y", [None, True, False, None]), [True, False], [1, 2]),
    "all there": (pl.Series("y", [3, 1, 2, 0]), [3, 1, 2, 0], None),
}


@pytest.mark.parametrize("case", UNLABELLED)
def test_rows_without_a_label_are_left_out_when_asked(tmp_path, case):
    labels, expected, positions = UNLABELLED[case]
    pl.DataFrame({"a": [0, 1, 2, 3], "y": labels, "b": [None, 1.0, 2.0, 3.0]}).write_parquet(tmp_path / "t.parquet")
    dataset = read(tmp_path / "t.parquet", target="y", drop_unlabelled=True)
    kept = list(range(4)) if positions is None else positions
    assert dataset.target.tolist() == expected
    assert columns(dataset) == {"a": kept, "b": [None if row == 0 else float(row) for row in kept]}
    assert (dataset.positions if positions is None else dataset.positions.tolist()) == positions


def test_rows_without_a_label_in_text_are_left_out_when_asked(tmp_path):
    dataset = read(written(tmp_path, "a,b\n1,x\n?,\n3,?\n,y\n"), target="b", header=True, drop_unlabelled=True)
    assert (dataset.target.tolist(), dataset.positions.tolist()) == (["x", "y"], [0, 3])
    assert columns(dataset) == {"a": [1, None]}


LABEL_DTYPES = {
    "uint8": np.int64,
    "int16": np.int64,
    "int64": np.int64,
    "uint64": np.uint64,
    "bool": np.bool_,
    "float16": np.float64,
    "float32": np.float64,
    "U3": np.object_,
}


@pytest.mark.parametrize("dtype", LABEL_DTYPES)
def test_the_labels_of_arrays_have_the_dtype_of_their_kind(tmp_path, dtype):
    labels = np.array([1, 0, 1]).astype(dtype)
    np.savez(tmp_path / "t.npz", X=np.ones((3, 1)), y=labels)
    target = read(tmp_path / "t.npz").target
    assert target.dtype == LABEL_DTYPES[dtype]
    assert target.tolist() == labels.tolist()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", ">f4"])
def test_the_features_of_arrays_keep_their_dtype(tmp_path, dtype):
    features = np.array([[1, 0], [0, 1]]).astype(dtype)
    np.savez(tmp_path / "t.npz", x=features, x_train=np.ones((5, 5)), Y=[3, 4])
    dataset = read(tmp_path / "t.npz")
    assert dataset.features.dtype == features.dtype
    assert np.array_equal(dataset.features, features)
    assert dataset.target.tolist() == [3, 4]
    assert (dataset.target_name, dataset.has_header, dataset.positions) == (None, None, None)


def test_the_suffix_of_parquet_may_be_in_capitals(tmp_path):
    pl.DataFrame({"a": [1, 2], "b": ["01", None]}).write_parquet(tmp_path / "t.Parquet")
    assert columns(read(tmp_path / "t.Parquet", header=False)) == {"a": [1, 2], "b": ["01", None]}
    assert [part.table.rows() for part in read_parts(tmp_path / "t.Parquet").parts] == [[(1, "01"), (2, None)]]


def test_the_fingerprint_is_that_of_the_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in {"b.csv": b"1", "a.csv": b"", "iris": b"2", "z/a.csv": b"3"}.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
    sums = {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("a.csv", "b.csv", "iris", "z/a.csv")}
    assert source_sha256("b.csv") == sums["b.csv"]
    assert source_sha256("./iris") == sums["iris"]
    listed = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    assert source_sha256(str(tmp_path)) == hashlib.sha256(listed.encode()).hexdigest()
    assert source_sha256("iris") is source_sha256("gone.csv") is None


def test_npz_with_labels_and_without(tmp_path):
    X, y = np.arange(6.0).reshape(3, 2), np.array([["a"], ["b"], ["c"]])
    np.savez(tmp_path / "xy.npz", X=X, y=y, extra=y)
    dataset = read(tmp_path / "xy.npz")
    assert np.array_equal(dataset.features, X)
    assert dataset.target.tolist() == ["a", "b", "c"]
    assert dataset.target.dtype == object
    np.savez(tmp_path / "x.npz", x=X)
    assert read(tmp_path / "x.npz").target is None
    np.save(tmp_path / "x.npy", X)
    assert np.array_equal(read(tmp_path / "x.npy").features, X)
    assert read(tmp_path / "x.npy").target is None


def test_npz_in_two_parts(tmp_path):
    arrays = {"x_train": IMAGES, "y_train": LABELS.astype(np.uint8), "x_test": IMAGES[1:], "y_test": LABELS[1:]}
    np.savez_compressed(tmp_path / "mnist.npz", **arrays)
    dataset = read(tmp_path / "mnist.npz")
    assert np.array_equal(dataset.features, IMAGES)
    assert dataset.target.dtype == np.int64
    assert np.array_equal(dataset.test.features, IMAGES[1:])
    assert dataset.test.target.tolist() == [3]
    np.savez(tmp_path / "train.npz", x_train=IMAGES, y_train=LABELS)
    assert read(tmp_path / "train.npz").test is None


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x08, "u1"), (0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")]
)
def test_idx_of_every_type(tmp_path, code, dtype):
    path = written(tmp_path, idx(IMAGES, code, f">{dtype}"), "some-images-idx3-ubyte")
    dataset = read(path)
    assert np.array_equal(dataset.features, IMAGES)
    assert dataset.features.dtype == np.dtype(dtype)
    assert dataset.target is None


def test_an_idx_file_without_images_in_its_name_has_no_labels(tmp_path):
    path = written(tmp_path, idx(IMAGES), "some.idx")
    written(tmp_path, gzip.compress(idx(LABELS)), "some.idx.gz")
    assert np.array_equal(read(path).features, IMAGES)
    assert read(path).target is None


@pytest.mark.parametrize("packed", [False, True])
def test_the_labels_of_an_idx_file_are_in_the_file_beside_it(tmp_path, packed):
    images = written(tmp_path, gzip.compress(idx(IMAGES)), "x-images-idx3-ubyte.gz")
    content = idx(LABELS.reshape(2, 1)) if packed else idx(LABELS)
    written(tmp_path, gzip.compress(content) if packed else content, "x-labels-idx1-ubyte" + ".gz" * packed)
    written(tmp_path, idx(LABELS[::-1]), "y-labels-idx1-ubyte")
    dataset = read(images)
    assert np.array_equal(dataset.features, IMAGES)
    assert dataset.target.tolist() == [7, 3]
    assert dataset.target.dtype == np.int64
    assert dataset.source == str(images)


def test_an_idx_folder_brings_its_test_part_and_reads_no_others(tmp_path):
    for name, array in {
        "train-images.idx3-ubyte": IMAGES,
        "train-labels.idx1-ubyte": LABELS,
        "t10k-images.idx3-ubyte": IMAGES[::-1],
        "t10k-labels.idx1-ubyte": LABELS[::-1],
        "validation-images.idx3-ubyte": IMAGES[:1],
    }.items():
        written(tmp_path, idx(array), name)
    (tmp_path / "train-images").mkdir()
    dataset = read(tmp_path)
    assert np.array_equal(dataset.features, IMAGES)
    assert dataset.target.tolist() == [7, 3]
    assert np.array_equal(dataset.test.features, IMAGES[::-1])
    assert dataset.test.target.tolist() == [3, 7]


KINDS_OF_NAMES = {
    "arrays": ["x.npz", "x.NPY", "x.csv.npy"],
    "text": [
        "x.csv",
        "x.TSV",
        "x.txt.gz",
        "x.DATA.GZ",
        "x.parquet.csv",
        "x.csv.bz2",
        "x.tsv.xz",
        "x.csv.zst",
        "x.csv.zip",
    ],
    "Parquet": ["x.parquet", "x.Parquet", "x.csv.parquet"],
    "JSON": ["x.json", "x.JSON.gz"],
    "JSON lines": ["x.jsonl", "x.ndjson.xz"],
    "ARFF": ["x.arff", "x.arff.gz"],
    "Arrow": ["x.feather", "x.arrow", "x.ipc"],
    "Excel": ["x.xlsx", "x.xls"],
    "IDX": ["x-idx3-ubyte", "x.idx1", "x-idx3-ubyte.gz", "idx"],
    None: ["x.npy.gz", "x.parquet.gz", "x.doc", "x.xlsx.gz", "csv", "x", "x.idx33", "idx3-ubytes", "x.gz", "x.zip"],
}


@pytest.mark.parametrize("kind", KINDS_OF_NAMES)
def test_the_name_of_a_file_tells_how_it_is_read(tmp_path, kind):
    for name in KINDS_OF_NAMES[kind]:
        path = written(tmp_path, "a,b\n1,2\n", name)
        if kind is None:
            with pytest.raises(DataError, match=r"^source must be a file in a readable format; got "):
                check_source(path)
        else:
            assert formats.format_of(path) == kind
            check_source(path)
            assert is_table_file(path) is (kind not in ("arrays", "IDX"))


def test_a_source_that_is_no_file_is_looked_at_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "a,b\n1,2\n", "iris")
    for source in ("digits", "iris", tmp_path):
        check_source(source)
        assert not is_table_file(source)
    assert not is_table_file(tmp_path / "gone.csv")
    with pytest.raises(DataError, match=r"got 'wines', which does not exist\. Did you mean 'wine'\?$"):
        check_source("wines")
    with pytest.raises(DataError, match="readable format"):
        check_source(Path("iris"))


def test_idx_folder_takes_unpacked_files_first_and_colours(tmp_path):
    colour = np.arange(48).reshape(2, 2, 4, 3)
    written(tmp_path, idx(colour), "emnist-train-images-idx4-ubyte")
    written(tmp_path, b"broken", "emnist-train-images-idx4-ubyte.gz")
    written(tmp_path, gzip.compress(idx(LABELS)), "emnist-train-labels-idx1-ubyte.gz")
    dataset = read(tmp_path)
    assert np.array_equal(dataset.features, colour)
    assert dataset.target.tolist() == [7, 3]
    assert dataset.test is None


def test_bundled_names_bring_their_labels():
    digits = datasets.load_digits()
    assert read("digits").target.dtype == np.int64
    assert np.array_equal(read("digits").features, digits.images)
    assert np.array_equal(read("digits").target, digits.target)
    for name in BUNDLED[1:]:
        expected = getattr(datasets, f"load_{name}")()
        dataset = read(name)
        assert np.array_equal(dataset.features.to_numpy(), expected.data)
        assert dataset.features.columns == list(expected.feature_names)
        assert dataset.target.tolist() == expected.target_names[expected.target].tolist()


def test_a_bundled_name_is_not_shadowed_but_a_path_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").mkdir()
    assert read("iris").features.shape == (150, 4)
    for path in ("./iris", Path("iris")):
        with pytest.raises(DataError, match=r"got the folder 'iris', which holds nothing\.$"):
            read(path)


def test_polars_is_loaded_for_tables_alone():
    script = (
        "import sys; from logitwise.data import read; read('digits'); print({'polars', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "set()"

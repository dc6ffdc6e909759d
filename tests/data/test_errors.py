"""What the readers refuse, and the sentences that say so."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest

from logitwise._listing import nearest
from logitwise.data import DataError, Dataset, read
from logitwise.data.files import unreadable
from logitwise.data.formats import READABLE
from logitwise.data.streaming import read_parts
from logitwise.data.unpacking import packed_format
from made_files import IMAGES, LABELS, idx, written


def message(path: Path | str, **options) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    return str(caught.value)


BAD_TEXT = {
    "empty": (b"", {}, "source must have content; got the empty file {path}."),
    "empty gz": (gzip.compress(b""), {}, "source must have content; got the empty file {path}."),
    "blank": (b" \n\n", {}, "source must have rows; got only blank lines in {path}."),
    "only a header": (
        b"a,b\n",
        {},
        "source must have rows; got only a header in {path}. If its first line is data, say header=False.",
    ),
    "only what is said to be a header": (
        b"a,b\n",
        {"header": True},
        "source must have rows; got only a header in {path}.",
    ),
    "a long line": (
        b'a,b\n"1\n",2\n\n1,2,3\n4,5\n6\n',
        {},
        "source must have as many fields in every line as in its first, 2; got 3 at line 5 of {path} (2 such lines). "
        "Check its separators and quotes, or give its separator.",
    ),
    "a short last line": (
        b"\na,b\r\n1,2\r\n3",
        {},
        "source must have as many fields in every line as in its first, 2; got 1 at line 4 of {path}. "
        "Check its separators and quotes, or give its separator.",
    ),
    "an open quote": (
        b'a,b\n"1",2\n"3,4\n5,6\n',
        {},
        "source must close every double quote; got one left open in {path}, the first odd one at line 3. "
        "Double the quotes inside a quoted field, or say quotes=False if quotes are text.",
    ),
    "quotes around fields and inside them": (
        b'a,b\n"1",5"\n2,6"\n',
        {},
        "source must have double quotes around whole fields only, and doubled inside them; got '5\"' at line 2 "
        "of {path}. Quote such fields, and double the quotes in them; or say quotes=False if quotes are text.",
    ),
    "two names alike over numbers": (
        b"a,b,a\n1,2,3\n",
        {},
        "source must have columns of different names; got 'a' 2 times in the header of {path}. "
        "Rename them, or say header=False if the first line is data.",
    ),
    "latin-1": (
        b"a,b\n1,\xe9\n",
        {},
        "source must be text in UTF-8; got byte 0xe9 at line 2 of {path}. Say in which encoding it is, such as "
        "encoding='cp1252' or encoding='latin-1', or save it as UTF-8.",
    ),
    "binary": (b"a,b\n1,\0\n", {}, "source must be text; got the control character 0x00 at offset 6 of {path}."),
    "the mark that ends a record inside": (
        b"a,b\n1,\x1e\n",
        {},
        "source must be text; got the control character 0x1e at offset 6 of {path}.",
    ),
    "the mark that ends a field inside, among quotes": (
        b'a,b\n"1",\x1f\n',
        {},
        "source must be text; got the control character 0x1f at offset 8 of {path}.",
    ),
    "latin-1 behind a byte order mark": (
        b"\xef\xbb\xbfa,b\n1,\xe9\n",
        {},
        "source must be text in UTF-8; got byte 0xe9 at line 2 of {path}. Say in which encoding it is, such as "
        "encoding='cp1252' or encoding='latin-1', or save it as UTF-8.",
    ),
    "binary behind a byte order mark": (
        b"\xef\xbb\xbfa,b\n1,\0\n",
        {},
        "source must be text; got the control character 0x00 at offset 9 of {path}.",
    ),
    "a short line behind line ends in quotes and blank lines": (
        b'\na,"b\nb"\n\n"1\n\n1",2\n3\n',
        {},
        "source must have as many fields in every line as in its first, 2; got 1 at line 8 of {path}. "
        "Check its separators and quotes, or give its separator.",
    ),
    "an inch mark behind line ends in quotes and blank lines": (
        b'a,"b\nb"\n\n"1\n1",2\n1,"2\n2"\n3,4"\n5,6"\n',
        {},
        "source must have double quotes around whole fields only, and doubled inside them; got '4\"' at line 8 "
        "of {path}. Quote such fields, and double the quotes in them; or say quotes=False if quotes are text.",
    ),
    "an odd quote behind line ends in quotes": (
        b'a,b\n"1\n1",2\n3,"4\n',
        {},
        "source must close every double quote; got one left open in {path}, the first odd one at line 2. "
        "Double the quotes inside a quoted field, or say quotes=False if quotes are text.",
    ),
    "a long value in stray quotes": (
        b'a,b\n"1",x' + b"y" * 50 + b'"z"\n',
        {},
        f"source must have double quotes around whole fields only, and doubled inside them; got 'x{'y' * 39}' at line "
        "2 of {path}. Quote such fields, and double the quotes in them; or say quotes=False if quotes are text.",
    ),
    "three names alike, and two": (
        b"b,a,c,a,b,a\n1,2,3,4,5,6\n",
        {},
        "source must have columns of different names; got 'a' 3 times in the header of {path}. "
        "Rename them, or say header=False if the first line is data.",
    ),
    "a name like that of a column without one": (
        b"a,b,,unnamed,unnamed\n1,2,3,4,5\n",
        {"header": True},
        "source must have columns of different names; got 'unnamed' 2 times in the header of {path}. "
        "Rename them, or say header=False if the first line is data.",
    ),
    "no such column among 12": (
        ",".join(f"c{i}" for i in range(12)).encode() + b"\n" + b",".join([b"1"] * 12) + b"\n",
        {"target": "zzz"},
        "target must be a column of the table, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11; got 'zzz'.",
    ),
    "no such column among 13": (
        ",".join(f"c{i}" for i in range(13)).encode() + b"\n" + b",".join([b"1"] * 13) + b"\n",
        {"target": "zzz"},
        "target must be a column of the table, c0, c1, c2, c3, c4, c5, ..., c10, c11, c12; got 'zzz'.",
    ),
    "no such column": (
        b"Class,age\nx,1\n",
        {"target": "clas"},
        "target must be a column of the table, Class, age; got 'clas'. Did you mean 'Class'?",
    ),
    "no such column, and no header": (
        b"1,2\n",
        {"target": "class"},
        "target must be a column of the table, column_0, column_1; got 'class'. "
        "The file has no header: name a position, such as -1.",
    ),
    "no such column among many": (
        ",".join(f"c{i}" for i in range(20)).encode() + b"\n" + b",".join([b"1"] * 20) + b"\n",
        {"target": "zzz"},
        "target must be a column of the table, c0, c1, c2, c3, c4, c5, ..., c17, c18, c19; got 'zzz'.",
    ),
    "position too large": (
        b"a,b\n1,2\n",
        {"target": "2"},
        "target must be in [-2, 1] for 2 columns; got 2. It was read as 2 columns separated by commas: if that is "
        "wrong, say what separates them (separator).",
    ),
    "position too small": (
        b"a,b\n1,2\n",
        {"target": -3},
        "target must be in [-2, 1] for 2 columns; got -3. It was read as 2 columns separated by commas: if that is "
        "wrong, say what separates them (separator).",
    ),
    "missing labels": (
        b"a,b\n1,x\n2,?\n3,\n",
        {"target": "b"},
        "target must have a value in every row; got 2 missing in column 'b' of {path}, written '?' (1 row), the first "
        "at row 1, counted from 0. If that is a label, keep it (na_values=()); else fill them in, or drop those rows "
        "(drop_unlabelled).",
    ),
    "a label stripped to nothing": (
        b"a,b\n1,x\n2,.\n",
        {"target": "b", "label_strip": "."},
        "target must have a value in every row; got 1 missing in column 'b' of {path}, the first at row 1, counted "
        "from 0. Fill them in, or drop those rows (drop_unlabelled).",
    ),
    "all labels missing": (
        b"a,b\n1,\n2,?\n",
        {"target": "b", "drop_unlabelled": True},
        "target must have a value in every row; got 2 missing in column 'b' of {path}, written '?' (1 row), the first "
        "at row 0, counted from 0. If that is a label, keep it (na_values=()); else fill them in, or drop those rows "
        "(drop_unlabelled).",
    ),
    "missing labels that are numbers": (
        b"a,b\n1,7\n2,8\n3,NA\n",
        {"target": "b"},
        "target must have a value in every row; got 1 missing in column 'b' of {path}, written 'NA' (1 row), the first "
        "at row 2, counted from 0. If that is a label, keep it (na_values=()); else fill them in, or drop those rows "
        "(drop_unlabelled).",
    ),
    "nothing but the target": (
        b"a\n1\n2\n",
        {"target": "a"},
        "target must leave at least one column of features; got 'a', the only one of {path}.",
    ),
}


@pytest.mark.parametrize("read_it", [read, read_parts])
@pytest.mark.parametrize(
    "text", ["size,ripe\n1,yes\n", '"size";"ripe"\r\n"1";"ja"\r\n', "# Größe\n\nsize ripe\n1 ja\n"]
)
@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_a_mark_is_refused_by_its_name(order, text, read_it, tmp_path):
    path = written(tmp_path, text.encode(f"utf-16-{order}"))
    with pytest.raises(DataError, match=r"^source must be text; got the control character 0x00 at offset ") as caught:
        read_it(path)
    assert str(caught.value).endswith(
        f". It seems to be UTF-16 without a byte order mark: say encoding utf-16-{order}."
    )
    assert read_it(path, encoding=f"utf-16-{order}")


@pytest.mark.parametrize("case", BAD_TEXT)
def test_bad_text_is_refused_with_a_sentence(tmp_path, case):
    data, options, expected = BAD_TEXT[case]
    path = written(tmp_path, data)
    assert message(path, **options) == expected.replace("{path}", repr(str(path)))


def test_a_broken_gzip_is_refused(tmp_path):
    path = written(tmp_path, gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "t.csv.gz")
    assert message(path) == (
        f"source must be a readable gzip file; got {str(path)!r}, which is not "
        "(Compressed file ended before the end-of-stream marker was reached)."
    )


@pytest.mark.parametrize(("name", "hint"), [("tabel.csv", " Did you mean 'table.csv'?"), ("zzz.parquet", "")])
def test_a_missing_file_is_refused(tmp_path, name, hint):
    written(tmp_path, "a\n1\n")
    path = str(tmp_path / name)
    expected = f"source must be a file, a folder or a bundled name; got {path!r}, which does not exist.{hint}"
    assert message(path) == expected


def test_a_misspelt_bundled_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message("digit") == (
        "source must be a file, a folder or a bundled name; got 'digit', which does not exist. Did you mean 'digits'?"
    )


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    assert message(path) == f"source must be a regular file or a folder; got {str(path)!r}, which is neither."


def test_a_name_too_long_is_refused(tmp_path):
    path = tmp_path / ("x" * 300)
    reason = f"[Errno 36] File name too long: {str(path)!r}"
    assert message(path) == f"source must be a file or folder that can be read; got {str(path)!r} ({reason})."


def test_an_unknown_suffix_is_refused(tmp_path):
    path = written(tmp_path, "a", "t.doc")
    expected = (
        f"source must be a file in a readable format; got {str(path)!r}. Readable are {READABLE}. Rename it, or give "
        "the command - and feed it this file by standard input."
    )
    assert message(path) == expected


def test_a_folder_without_idx_files_is_refused(tmp_path):
    for name in ("cats", "dogs", "eels"):
        (tmp_path / name).mkdir()
    written(tmp_path, "", "notes.txt")
    assert message(tmp_path) == (
        "source must be a file, or a folder of IDX files named train-images... and train-labels... (as in MNIST); "
        f"got the folder {str(tmp_path)!r}, which holds cats/, dogs/, eels/ and 1 more."
    )


def test_the_refusal_of_a_folder_names_up_to_three_of_its_files(tmp_path):
    holds = "nothing"
    for name in ("b.txt", "a", "c.txt"):
        assert message(tmp_path).endswith(f", which holds {holds}.")
        written(tmp_path, "", name)
        holds = ", ".join(sorted(file.name for file in tmp_path.iterdir()))
    assert message(tmp_path).endswith(", which holds a, b.txt, c.txt.")
    written(tmp_path, "", "d")
    written(tmp_path, "", "e")
    assert message(tmp_path).endswith(", which holds a, b.txt, c.txt and 2 more.")


def test_an_idx_folder_needs_labels_for_its_test_part(tmp_path):
    for name, array in {"train-images-idx3-ubyte": IMAGES, "train-labels-idx1-ubyte": LABELS}.items():
        written(tmp_path, idx(array), name)
    images = written(tmp_path, gzip.compress(idx(IMAGES)), "t10k-images-idx3-ubyte.gz")
    assert message(tmp_path) == (
        f"source must have labels beside its images; got {str(images)!r} without t10k-labels-idx1-ubyte."
    )
    written(tmp_path, idx(LABELS[:1]), "t10k-labels-idx1-ubyte")
    assert message(tmp_path) == (
        "source must have one label for each of its 2 rows; got shape (1,) in t10k-labels-idx1-ubyte of "
        f"{str(tmp_path)!r}."
    )


def test_bad_idx_folders_are_refused(tmp_path):
    images = written(tmp_path, idx(IMAGES), "train-images-idx3-ubyte")
    folder = repr(str(tmp_path))
    assert message(tmp_path) == (
        f"source must have labels beside its images; got {str(images)!r} without train-labels-idx1-ubyte."
    )
    written(tmp_path, idx(np.arange(3)), "train-labels-idx1-ubyte")
    assert message(tmp_path) == (
        f"source must have one label for each of its 2 rows; got shape (3,) in train-labels-idx1-ubyte of {folder}."
    )
    written(tmp_path, idx(LABELS), "train-labels-idx1-ubyte")
    written(tmp_path, idx(IMAGES[:, :2]), "t10k-images-idx3-ubyte")
    written(tmp_path, idx(LABELS), "t10k-labels-idx1-ubyte")
    assert message(tmp_path) == (
        f"source must have rows of one shape in its training and test sets; got (3, 4) and (2, 4) in {folder}."
    )
    written(tmp_path, idx(IMAGES), "more-train-images-idx3-ubyte")
    assert message(tmp_path) == (
        "source must have one file of train-images; got more-train-images-idx3-ubyte, train-images-idx3-ubyte "
        f"in {folder}. Name the images file itself."
    )


BAD_IDX = {
    "magic": (
        b"QK\3\4....",
        "source must begin with the magic number of an IDX file (two zero bytes, a type, a number of dimensions); "
        "got 51 4b 03 04 in {path}.",
    ),
    "a first byte that is not zero": (
        b"\0\1" + idx(IMAGES)[2:],
        "source must begin with the magic number of an IDX file (two zero bytes, a type, a number of dimensions); "
        "got 00 01 08 03 in {path}.",
    ),
    "an unknown type": (
        idx(IMAGES, code=0x0A),
        "source must begin with the magic number of an IDX file (two zero bytes, a type, a number of dimensions); "
        "got 00 00 0a 03 in {path}.",
    ),
    "no dimensions": (
        b"\0\0\x08\0\1",
        "source must begin with the magic number of an IDX file (two zero bytes, a type, a number of dimensions); "
        "got 00 00 08 00 in {path}.",
    ),
    "three bytes": (
        b"\0\0\x08",
        "source must begin with the magic number of an IDX file (two zero bytes, a type, a number of dimensions); "
        "got 00 00 08 in {path}.",
    ),
    "a header that lacks a byte": (
        idx(IMAGES)[:15],
        "source must have 16 bytes of IDX header for its 3 dimensions; got 15 bytes in {path}. "
        "The file is cut short: fetch it again.",
    ),
    "a header alone": (
        idx(IMAGES)[:16],
        "source must have 24 bytes of values for its shape (2, 3, 4); got 0 in {path}. "
        "The file is cut short or altered: fetch it again.",
    ),
    "rows of one dimension": (
        idx(IMAGES[0]),
        "source must be images, of 3 or 4 dimensions (rows, height, width[, channels]); got 2 in {path}. "
        "Labels go in the file beside the images.",
    ),
    "five dimensions": (
        idx(IMAGES[:, None, None]),
        "source must be images, of 3 or 4 dimensions (rows, height, width[, channels]); got 5 in {path}. "
        "Labels go in the file beside the images.",
    ),
    "no more than a magic number": (
        b"\0\0\x08\3\0\0",
        "source must have 16 bytes of IDX header for its 3 dimensions; got 6 bytes in {path}. "
        "The file is cut short: fetch it again.",
    ),
    "cut short": (
        idx(IMAGES)[:-1],
        "source must have 24 bytes of values for its shape (2, 3, 4); got 23 in {path}. "
        "The file is cut short or altered: fetch it again.",
    ),
    "too long": (
        idx(IMAGES) + b"\0",
        "source must have 24 bytes of values for its shape (2, 3, 4); got 25 in {path}. "
        "The file is cut short or altered: fetch it again.",
    ),
    "too large to be true": (
        b"\0\0\x0e\3" + b"\xff" * 12,
        f"source must have {(2**32 - 1) ** 3 * 8} bytes of values for its shape {(2**32 - 1,) * 3}; got 0 in {{path}}. "
        "The file is cut short or altered: fetch it again.",
    ),
    "labels": (
        idx(LABELS),
        "source must be images, of 3 or 4 dimensions (rows, height, width[, channels]); got 1 in {path}. "
        "Labels go in the file beside the images.",
    ),
    "no images": (
        idx(IMAGES[:0]),
        "source must have rows, and values in them; got shape (0, 3, 4) in x-images-idx3-ubyte of {path}.",
    ),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_a_bad_idx_file_is_refused(tmp_path, case):
    data, expected = BAD_IDX[case]
    path = written(tmp_path, data, "x-images-idx3-ubyte")
    assert message(path) == expected.replace("{path}", repr(str(path)))


X = np.arange(6.0).reshape(3, 2)
BAD_NPZ = {
    "other names": (
        {"images": X, "labels": X},
        "source must hold arrays named X and y, or x_train, y_train, x_test and y_test; got images, labels in {path}. "
        "Save them under these names.",
    ),
    "one dimension": (
        {"X": X[:, 0]},
        "source must hold features of 2 or more dimensions, rows first; got shape (3,) in X of {path}. "
        "Reshape one feature to (rows, 1).",
    ),
    "text": ({"X": X.astype(str)}, "source must hold numbers; got dtype <U32 in X of {path}."),
    "no rows": ({"X": X[:0]}, "source must have rows, and values in them; got shape (0, 2) in X of {path}."),
    "no columns": ({"x": X[:, :0]}, "source must have rows, and values in them; got shape (3, 0) in X of {path}."),
    "no arrays": (
        {},
        "source must hold arrays named X and y, or x_train, y_train, x_test and y_test; got no arrays in {path}. "
        "Save them under these names.",
    ),
    "no labels of the training part": (
        {"x_train": X, "y_test": X[:, 0]},
        "source must hold arrays named X and y, or x_train, y_train, x_test and y_test; got x_train, y_test in {path}. "
        "Save them under these names.",
    ),
    "a label too many in the test part": (
        {"X_train": X, "y_train": X[:, 0], "X_test": X[1:], "y_test": X[:, 0]},
        "source must have one label for each of its 2 rows; got shape (3,) in y_test of {path}.",
    ),
    "other columns in the test part": (
        {"x_train": X, "y_train": X[:, 0], "x_test": X[:, 1:], "y_test": X[:, 0]},
        "source must have rows of one shape in its training and test sets; got (2,) and (1,) in {path}.",
    ),
    "a row of labels": (
        {"X": X, "y": np.ones((1, 3))},
        "source must have one label for each of its 3 rows; got shape (1, 3) in y of {path}. "
        "If the labels are one-hot, save their argmax(axis=1).",
    ),
    "labels of three dimensions": (
        {"X": X, "y": np.ones((3, 1, 1))},
        "source must have one label for each of its 3 rows; got shape (3, 1, 1) in y of {path}.",
    ),
    "dates as labels": (
        {"X": X, "y": np.array(["2020-01-01"] * 3, "M8[D]")},
        "source must have labels that are integers, booleans, text or floats; got dtype datetime64[D] in y of {path}.",
    ),
    "other lengths": (
        {"X": X, "y": np.arange(2)},
        "source must have one label for each of its 3 rows; got shape (2,) in y of {path}.",
    ),
    "one-hot": (
        {"X": X, "y": np.eye(3)},
        "source must have one label for each of its 3 rows; got shape (3, 3) in y of {path}. "
        "If the labels are one-hot, save their argmax(axis=1).",
    ),
    "complex labels": (
        {"X": X, "y": np.ones(3, dtype=complex)},
        "source must have labels that are integers, booleans, text or floats; got dtype complex128 in y of {path}.",
    ),
    "pickled labels": (
        {"X": X, "y": np.array(["a", None, 1], dtype=object)},
        "source must be a readable NPZ or NPY file; got {path}, which is not "
        "(Object arrays cannot be loaded when allow_pickle=False).",
    ),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_a_bad_npz_is_refused(tmp_path, case):
    arrays, expected = BAD_NPZ[case]
    path = tmp_path / "t.npz"
    np.savez(path, **arrays)
    assert message(path) == expected.replace("{path}", repr(str(path)))


def test_a_bad_parquet_is_refused(tmp_path):
    path = written(tmp_path, "PAR1", "t.parquet")
    assert message(path).startswith(f"source must be a readable Parquet file; got {str(path)!r}, which is not (")
    pl.DataFrame({"a": [], "b": []}).write_parquet(path)
    assert message(path) == f"source must have rows; got 0 rows of 2 columns in {str(path)!r}."
    pl.DataFrame({"a": [1, 2], "b": [0.5, float("nan")], "c": [[1], [2]]}).write_parquet(path)
    assert message(path, target="b") == (
        f"target must have a value in every row; got 1 missing in column 'b' of {str(path)!r}, the first at row 1, "
        "counted from 0. Fill them in, or drop those rows (drop_unlabelled)."
    )
    assert message(path, target="c") == (
        "target must be integers, booleans, text or floats; got dtype List(Int64) in column 'c'."
    )


def test_a_panic_of_polars_is_refused(tmp_path, monkeypatch):
    path = written(tmp_path, "PAR1", "t.parquet")

    def panic(file: object) -> None:
        raise pl.exceptions.PanicException("index out of bounds")

    monkeypatch.setattr(pl, "read_parquet", panic)
    assert message(path) == (
        f"source must be a readable Parquet file; got {str(path)!r}, which is not (index out of bounds)."
    )


def test_every_cut_of_a_binary_file_is_refused(tmp_path):
    pl.DataFrame({"a": [1, 2, 3]}).write_parquet(tmp_path / "t.parquet")
    np.savez_compressed(tmp_path / "t.npz", X=X)
    np.save(tmp_path / "t.npy", X)
    for whole in sorted(tmp_path.iterdir()):
        data = whole.read_bytes()
        kind = "Parquet" if whole.suffix == ".parquet" else "NPZ or NPY"
        for size in range(1, len(data), 7):
            path = written(tmp_path, data[:size], f"cut{whole.suffix}")
            assert message(path).startswith(f"source must be a readable {kind} file; got {str(path)!r}, which is not (")


def altered(data: bytes, random: Random) -> bytes:
    """Return `data` with a few bytes changed, near its beginning or anywhere."""
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 3, 20])):
        changed[random.randrange(random.choice([60, len(data)]))] = random.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_an_altered_file_is_read_or_refused_but_nothing_else(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".npz":
        np.savez_compressed(whole, X=X, y=np.arange(3))
    else:
        np.save(whole, X)
    random, outcomes = Random(1), Counter()
    for _ in range(400):
        path = written(tmp_path, altered(whole.read_bytes(), random), f"altered{suffix}")
        try:
            outcomes[type(read(path))] += 1
        except DataError:
            outcomes[DataError] += 1
    assert outcomes[Dataset] + outcomes[DataError] == 400
    assert outcomes[DataError] > 100


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    path = written(tmp_path, "a\n1\n")

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert message(path) == (
        f"source must be a readable regular file; got {str(path)!r}, which is not ([Errno 13] Permission denied)."
    )


def test_a_target_is_refused_where_labels_are_brought_along(tmp_path):
    np.save(tmp_path / "t.npy", X)
    assert message("iris", target="species") == (
        "target must be left out for the bundled 'iris', which brings its own labels; got 'species'."
    )
    assert message(tmp_path, target=-1) == (
        "target must be left out for a folder of IDX files, which brings its own labels; got -1."
    )
    assert message(tmp_path / "t.npy", target=-1) == (
        "target must be left out for an NPZ or NPY file, which has its labels in an array named y; got -1."
    )
    path = written(tmp_path, idx(IMAGES), "x-images-idx3-ubyte")
    assert message(path, target="y") == (
        "target must be left out for an IDX file, whose labels are in the file beside it; got 'y'."
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"source": 3}, "source must be a path or a bundled name; got 3 of type int."),
        ({"target": 1.5}, "target must be a column name or position; got 1.5 of type float."),
        ({"target": True}, "target must be a column name or position; got True of type bool."),
        ({"target": b"y"}, "target must be a column name or position; got b'y' of type bytes."),
        ({"header": "yes"}, "header must be True, False or None; got 'yes'."),
        ({"header": 2}, "header must be True, False or None; got 2."),
        ({"label_strip": None}, "label_strip must be a string of characters; got None."),
        ({"drop_unlabelled": "no"}, "drop_unlabelled must be True or False; got 'no' of type str."),
        ({"drop_unlabelled": 1}, "drop_unlabelled must be True or False; got 1 of type int."),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(options, expected):
    with pytest.raises(TypeError) as caught:
        read(**{"source": "iris", **options})
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(" first line.\nsecond line."), "first line"),
        (MemoryError(), "MemoryError"),
        (ValueError("\n"), "ValueError"),
        (ValueError("a.b"), "a.b"),
    ],
)
def test_the_reason_of_a_broken_file_is_one_line(error, reason):
    assert str(unreadable(Path("x"), "IDX", error)) == (
        f"source must be a readable IDX file; got 'x', which is not ({reason})."
    )


def test_packed_files_are_told_by_their_first_bytes():
    assert packed_format(b"\x1f\x8b") == "gzip"
    assert packed_format(b"BZh9") == "bzip2"
    assert packed_format(b"\x1f") is None
    assert packed_format(b"a\x1f\x8b") is None


def test_nearest_ignores_case_and_gives_up():
    assert nearest("clas", ["age", "Class", "classy"]) == "Class"
    assert nearest("zzz", ["age", "class"]) is None

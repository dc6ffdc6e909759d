"""The fingerprint of rows: the bytes that are hashed, written out."""

import hashlib
import json

import numpy as np
import polars as pl
import pytest

from logitwise.columns.table import read_table
from logitwise.model.provenance import rows_sha256


def written_out(names, columns, labels):
    """The content as the documents say, a column at a time."""
    content = json.dumps({"names": names, "rows": len(labels)}, separators=(",", ":")).encode() + b"\n"
    for column in columns:
        if isinstance(column, list):
            content += json.dumps(column, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        else:
            content += b"".join(np.float64(value).astype("<f8").tobytes() for value in column)
    return hashlib.sha256(content + json.dumps(labels, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize("n_columns", [1, 63, 64, 65, 128, 130])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, np.bool_])
def test_an_array_is_read_a_column_after_the_other(n_columns, dtype):
    X = np.random.default_rng(n_columns).integers(0, 2 if dtype is np.bool_ else 200, (3, n_columns)).astype(dtype)
    labels = np.array([0, 1, 1])
    expected = written_out(None, X.T, [0, 1, 1])
    for array in (X, np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        assert rows_sha256(read_table(array), labels) == expected


def test_images_are_their_pixels_in_order():
    X = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)
    assert rows_sha256(read_table(X), np.array([0, 1, 1])) == written_out(None, X.reshape(3, 8).T, [0, 1, 1])


def test_frames_are_read_a_column_after_the_other_each_by_its_kind():
    text, numbers = ["é", None, "e"], [1.5, -2.0, 3.0]
    frame = pl.DataFrame({"a": numbers, "b": text, "c": [1, 2, 3]})
    labels = np.array(["x", "y", "x"], dtype=object)
    found = rows_sha256(read_table(frame), labels)
    assert found == written_out(["a", "b", "c"], [np.array(numbers), text, np.arange(1, 4)], ["x", "y", "x"])
    wide = pl.DataFrame({f"n{place}": [float(place), 1.0, -1.0] for place in range(70)})
    columns = [np.array([place, 1, -1]) for place in range(70)]
    assert rows_sha256(read_table(wide), labels) == written_out(wide.columns, columns, ["x", "y", "x"])


def test_every_nan_is_one_and_there_is_no_negative_zero():
    odd = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x8000000000000000], dtype=np.uint64).view(np.float64)
    plain = np.array([np.nan, np.nan, 0.0])
    labels = np.array([0, 1, 1])
    assert rows_sha256(read_table(odd[:, None]), labels) == rows_sha256(read_table(plain[:, None]), labels)
    assert rows_sha256(read_table(odd[:, None]), labels) == written_out(None, [plain], [0, 1, 1])
    assert np.signbit(odd[2])  # what is read is not changed


def test_text_that_no_encoding_has():
    labels = np.array(["\ud800", "ß"], dtype=object)
    table = read_table(np.array([[1.0], [2.0]]))
    content = b'{"names":null,"rows":2}\n' + np.array([1.0, 2.0]).tobytes() + b'["\xed\xa0\x80","\xc3\x9f"]'
    assert rows_sha256(table, labels) == hashlib.sha256(content).hexdigest()

"""Tables read a part at a time hold what the whole holds, wherever they are cut; errors name places of the whole."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logitwise import data
from logitwise.data import DataError, streaming
from logitwise.data.arrays import read_array_parts
from logitwise.data.streaming import read_parts
from logitwise.data.text import fields, table
from logitwise.data.text.options import TextOptions
from made_files import written

CELLS = st.text(alphabet="ab ,'\"\n?", max_size=4)


def whole(path, header=None):
    """Return the names and the rows of all parts, having seen that they say where they are."""
    parts = read_parts(path, header=header)
    rows, read = [], 0
    for part in parts.parts:
        assert part.first_row == len(rows)
        assert part.table.height > 0
        assert list(part.table.columns) == list(parts.names)
        assert read <= part.read <= parts.n_bytes
        rows, read = rows + part.table.rows(), part.read
    assert parts.n_bytes - read <= 3  # blank lines at the end
    return list(parts.names), rows


@pytest.fixture(params=[1, 7, 64, 1 << 20])
def cut(request, monkeypatch):
    """Read so many bytes (and rows of Parquet) at once."""
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", request.param)
    monkeypatch.setattr(streaming, "ROWS_AT_ONCE", request.param)


TEXTS = {
    "plain.csv": b"size,colour\n1,red\n2.50,\n?,blue\n",
    "crlf.csv": b"size,colour\r\n1,red\r\n2.50, NA \r\n",
    "old.csv": b"size,colour\r1,red\r2,blue\r",
    "quoted.csv": b'size,"the ""colour"""\n1,"red, or\nso"\n2,"\n"\n3,\'x\'\n',
    "mark.csv": "\ufeffsize;größe\n1;x\n2;ü\n".encode(),
    "tabs.tsv": b"size\tcolour\n1\ta,b,c\n2\tx\n",
    "blank.csv": b"\n\nsize,colour\n\n1,red\n   \n2,blue\n\n\n",
    "open.csv": b"size,colour\n1,red\n2,blue",
    "narrow.csv": b"size\n1\n\n2\n",
    "bare.csv": b"1,red\n2,blue\n",
    "nameless.csv": b",colour, \n1,red,x\n2,blue,y\n",
    "marked.csv": "\ufeff\n \nsize,größe\n1,x\n".encode(),
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("packed", [False, True])
def test_parts_hold_what_the_whole_holds(name, packed, cut, tmp_path):
    path = written(tmp_path, gzip.compress(TEXTS[name]) if packed else TEXTS[name], name + ".gz" * packed)
    header = name != "bare.csv"
    names, rows = whole(path, header)
    expected_table = data.read(path, header=header).features
    assert names == expected_table.columns
    columns = [pl.Series(name, [row[place] for row in rows], pl.String) for place, name in enumerate(names)]
    for column in columns:
        expected = expected_table[column.name]
        assert column.cast(expected.dtype).to_list() == expected.to_list()
    assert rows


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6),
    st.integers(1, 40),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_in_parts(tmp_path_factory, rows, size, line_end):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=line_end).writerows([("x", "y", "z"), *rows])
    path = written(tmp_path_factory.mktemp("csv"), text.getvalue())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BYTES_AT_ONCE", size)
        _, found = whole(path, header=True)
    expected = data.read(path, header=True).features.cast(pl.String).rows()
    assert [tuple(_number_or_text(cell) for cell in row) for row in found] == [
        tuple(_number_or_text(cell) for cell in row) for row in expected
    ]


def _number_or_text(cell):
    try:
        return float(cell)
    except (TypeError, ValueError):
        return cell


def test_parquet_keeps_its_types(cut, tmp_path):
    table = pl.DataFrame({"n": [1, None, 3] * 5, "t": ["a", "b", None] * 5, "b": [True, False, None] * 5})
    table.write_parquet(tmp_path / "t.parquet")
    parts = read_parts(tmp_path / "t.parquet")
    assert parts.has_header
    n_bytes, rows = (tmp_path / "t.parquet").stat().st_size, 0
    found = list(parts.parts)
    for part in found:
        assert part.table.height == min(streaming.ROWS_AT_ONCE, 15 - rows)
        rows += part.table.height
        assert part.read == n_bytes * rows // 15
    assert pl.concat([part.table for part in found]).equals(table)
    assert whole(tmp_path / "t.parquet") == (["n", "t", "b"], table.rows())


def test_the_rows_of_the_first_part_tell_a_header(tmp_path):
    assert read_parts(written(tmp_path, "size,colour\n1,red\n")).has_header
    assert not read_parts(written(tmp_path, "1,red\n2,red\n")).has_header


ERRORS = [
    ("a.csv", b"", "source must have content; got the empty file {path!r}."),
    (
        "a.csv",
        b"size,colour\n",
        "source must have rows; got only a header in {path!r}.",
    ),
    (
        "a.csv",
        b"size,colour\n1,red\n2,blue\n3\n",
        "source must have as many fields in every line as in its first, 2; got 1 at line 4 of {path!r}. Check its "
        "separators and quotes, or give its separator.",
    ),
    (
        "a.csv",
        b"size,colour\n1,red\n2,blue,x\n",
        "source must have as many fields in every line as in its first, 2; got 3 at line 3 of {path!r}. Check its "
        "separators and quotes, or give its separator.",
    ),
    (
        "a.csv",
        b'size,colour\n1,red\n2,"blue\n3,red\n',
        "source must close every double quote; got one left open in {path!r}, the first odd one at line 3. Double the "
        "quotes inside a quoted field, or say quotes=False if quotes are text.",
    ),
    (
        "a.csv",
        b'size,colour\n1,"red"\n2,5" blue "\n',
        "source must have double quotes around whole fields only, and doubled inside them; got '5\" blue \"' at line 3 "
        "of {path!r}. Quote such fields, and double the quotes in them; or say quotes=False if quotes are text.",
    ),
    (
        "a.csv",
        b"size,colour\n1,red\n2,\xff\n",
        "source must be text in UTF-8; got byte 0xff at line 3 of {path!r}. Say in which encoding it is, such as "
        "encoding='cp1252' or encoding='latin-1', or save it as UTF-8.",
    ),
    (
        "a.csv",
        b"size,colour\n1,r\0d\n",
        "source must be text; got the control character 0x00 at offset 15 of {path!r}.",
    ),
    (
        "a.csv",
        b"\xef\xbb\xbfsize,colour\n1,red\n2,\xff\n",
        "source must be text in UTF-8; got byte 0xff at line 3 of {path!r}. Say in which encoding it is, such as "
        "encoding='cp1252' or encoding='latin-1', or save it as UTF-8.",
    ),
    (
        "a.csv",
        b"\xef\xbb\xbf\n \nsize,colour\n1,r\x1fd\n",
        "source must be text; got the control character 0x1f at offset 21 of {path!r}.",
    ),
    (
        "a.csv",
        b'\n\nsize,"co\nlour"\n1,"red\n\n"\n\n \n2,red\n3\n4,blue\n',
        "source must have as many fields in every line as in its first, 2; got 1 at line 11 of {path!r}. Check its "
        "separators and quotes, or give its separator.",
    ),
    (
        "a.csv",
        b'size,colour\n1,"red\nor"\n\n2,"\n"\n3,5"\n4,"6\n',
        "source must have double quotes around whole fields only, and doubled inside them; got '5\"' at line 7 "
        "of {path!r}. Quote such fields, and double the quotes in them; or say quotes=False if quotes are text.",
    ),
]


@pytest.mark.parametrize(("name", "content", "sentence"), ERRORS)
def test_errors_name_places_of_the_whole_file(name, content, sentence, cut, tmp_path):
    path = written(tmp_path, content, name)
    with pytest.raises(DataError) as raised:
        whole(path, header=True)
    assert str(raised.value) == sentence.format(path=str(path))


LATER = {  # a row behind the beginning by which a text is judged, and where it is said to be
    b"1\n": "got 1 at line {line} of ",
    b"1,r\xe9d\n": "got byte 0xe9 at line {line} of ",
    b"1,r\x1fd\n": "got the control character 0x1f at offset {offset} of ",
    b'1,"red\n': "the first odd one at line {line}.",
}


@pytest.mark.parametrize("row", LATER)
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\xef\xbb\xbfsep=,\n# made\n\n", b'# 5" pipes\n'])
def test_errors_behind_the_beginning_name_places_of_the_whole_file(row, before, cut, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "HEAD_BYTES", 60)
    content = before + b"size,colour\n" + b"1,red\n" * 30 + row + b"2,blue\n" * 3
    place = LATER[row].format(
        line=content[: content.index(row)].count(b"\n") + 1,
        offset=content.find(b"\x1f"),
    )
    path = written(tmp_path, content)
    for read in (whole, data.read):
        with pytest.raises(DataError) as raised:
            read(path, header=True)
        assert place in str(raised.value)


def test_a_quote_left_open_does_not_read_a_file_of_any_size(monkeypatch, tmp_path):
    monkeypatch.setattr(table, "HEAD_BYTES", 10)
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 10)
    monkeypatch.setattr(streaming, "LONGEST_RECORD", 30)
    path = written(tmp_path, 'size,colour\n1,"red\n' + "2,blue\n" * 1000)
    with pytest.raises(DataError) as raised:
        whole(path, header=True)
    assert str(raised.value) == (
        f"source must have lines of at most 30 bytes; got a longer one in {str(path)!r}. Is a double quote left open?"
    )


@pytest.mark.parametrize(("length", "is_read"), [(34, True), (39, True), (40, False)])
def test_a_line_may_have_as_many_bytes_as_are_allowed(length, is_read, monkeypatch, tmp_path):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 10)
    monkeypatch.setattr(streaming, "LONGEST_RECORD", 30)  # looked at every 10 bytes
    path = written(tmp_path, "x" * (length - 2) + ",y\n1,2\n")
    if is_read:
        assert whole(path, header=True)[1] == [("1", "2")]
    else:
        with pytest.raises(DataError, match="lines of at most 30 bytes"):
            whole(path, header=True)


def test_the_refusal_of_a_header_alone_says_how_to_read_it_as_data(cut, tmp_path):
    with pytest.raises(DataError) as raised:
        whole(written(tmp_path, "size,colour\n \n"))
    assert str(raised.value).endswith("table.csv'. If its first line is data, say header=False.")


def test_broken_files_are_refused_when_they_break(tmp_path):
    packed = gzip.compress(b"size,colour\n" + b"1,red\n2,blue\n" * 100_000)
    path = written(tmp_path, packed[: len(packed) // 2], "cut.csv.gz")
    with pytest.raises(DataError, match=r"^source must be a readable gzip file; got '.*cut.csv.gz', which is not \("):
        whole(path)
    pl.DataFrame({"n": [1, 2]}).write_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    broken = written(tmp_path, content[:-20], "broken.parquet")
    with pytest.raises(DataError, match=r"^source must be a readable Parquet file; got '.*broken.parquet', which is"):
        whole(broken)
    pl.DataFrame({"n": []}).write_parquet(tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"^source must have rows; got 0 rows of 1 columns in "):
        read_parts(tmp_path / "none.parquet")
    with pytest.raises(DataError, match=r"^source must be a file, a folder or a bundled name; got '.*gone.csv', which"):
        read_parts(tmp_path / "gone.csv")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("numbers", [("size",), ("colour",), ("size", "colour")])
def test_columns_read_as_numbers_hold_the_same(name, numbers, cut, tmp_path):
    path = written(tmp_path, TEXTS[name], name)
    assert [[_plain(cell) for cell in row] for row in _rows(path, numbers)] == [
        [_plain(cell) for cell in row] for row in _rows(path, ())
    ]


READ_AT_ONCE = [
    "1",
    "-2.5",
    "+3",
    "1e5",
    ".5",
    "1.",
    " 4",
    "inf",
    "-inf",
    "1e400",
    "0.1000000000000000055511151231257827",
]
MISSING = ["", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "n/a", "#N/A", "<NA>", "-nan"]
READ_AS_TEXT = ["1_0", "0x1", "1d5", "5 ", "true", "'7'"]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from([*READ_AT_ONCE, *MISSING, *READ_AS_TEXT]), min_size=2))
@example([*READ_AT_ONCE, *MISSING])
@example([*READ_AT_ONCE, "nan"])
@example(["1", "5 "])
def test_numbers_are_read_as_a_cast_reads_them(cells):
    text = "".join(f"{cell};{cell}x\n" for cell in cells).encode()
    dialect, origin = fields.Dialect(ord(";"), 2), fields.Origin(Path("made"))
    found = fields.split_numbers(text, dialect, frozenset([0]))
    if any(cell in READ_AS_TEXT for cell in cells):
        assert found is None
        return
    values = TextOptions().values
    names = {"column_0": "a", "column_1": "b"}
    expected = streaming._present(fields.split_fields(text, dialect, origin)[0].rename(names), values)
    found = streaming._present(found.rename(names), values)
    assert found["a"].dtype == pl.Float64
    numbers = [_plain(cell) for cell in found["a"]]
    assert numbers == [_plain(cell) for cell in expected["a"].cast(pl.Float64)]
    assert numbers == [None if cell in MISSING else repr(float(cell)) for cell in cells]
    assert found["b"].equals(expected["b"])


def test_columns_stay_text_from_the_first_part_that_is_not_all_numbers(monkeypatch, tmp_path):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 4)
    path = written(tmp_path, "a,b\n1,x\n2,y\n3!,z\n4,z\n")
    parts = list(read_parts(path, header=True, numbers=["a"]).parts)
    assert [part.table["a"].to_list() for part in parts] == [[1.0], [2.0], ["3!"], ["4"]]
    assert [part.table["b"].to_list() for part in parts] == [["x"], ["y"], ["z"], ["z"]]
    assert [(part.first_row, part.read) for part in parts] == [(0, 8), (1, 12), (2, 20), (3, 21)]


def test_text_beside_numbers_is_unwrapped(monkeypatch, tmp_path):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 4)
    path = written(tmp_path, "a,b\n1,'x'\n2,'y '\n3, it's\n4, z\n")
    tables = [part.table for part in read_parts(path, header=True, numbers=["a"]).parts]
    assert [cell for table in tables for cell in table["b"]] == ["x", "y", "it's", "z"]
    assert [table["a"].dtype for table in tables] == [pl.Float64] * len(tables)


@pytest.mark.parametrize("numbers", [["a"], ["b"], ["gone"], []])
def test_columns_that_are_not_named_stay_text(numbers, monkeypatch, tmp_path):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", 4)
    parts = list(read_parts(written(tmp_path, "a,b\n1,2\n3,4\n5,6\n"), header=True, numbers=numbers).parts)
    for name, cells in (("a", [3, 5]), ("b", [4, 6])):
        found = [cell for part in parts[1:] for cell in part.table[name]]
        assert found == ([float(cell) for cell in cells] if name in numbers else list(map(str, cells)))


def _rows(path, numbers):
    return [row for part in read_parts(path, numbers=numbers).parts for row in part.table.rows()]


def _plain(cell):
    """Return a number as text, whichever way it was read, and None where a value is missing."""
    try:
        return None if cell is None or float(cell) != float(cell) else repr(float(cell))
    except ValueError:
        return cell


@pytest.mark.parametrize("shape", [(7, 3), (5, 4, 4), (1, 2)])
@pytest.mark.parametrize("dtype", ["f8", ">f4", "i2", "u1", "?"])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_the_parts_of_an_array_are_the_array(shape, dtype, at_once, tmp_path):
    X = np.random.default_rng(0).integers(0, 2 if dtype == "?" else 200, shape).astype(dtype)
    np.save(tmp_path / "x.npy", X)
    found = read_array_parts(tmp_path / "x.npy", at_once)
    parts = list(found.parts)
    assert found.shape == shape
    assert [len(part) for part in parts[:-1]] == [at_once] * (len(parts) - 1)
    np.testing.assert_array_equal(np.concatenate(parts), X)
    assert parts[0].dtype == X.dtype


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_the_parts_of_an_array_of_every_version(version, tmp_path):
    X = np.arange(12.0).reshape(6, 2)
    with (tmp_path / "x.npy").open("wb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own, of versions that old readers do not know
        np.lib.format.write_array(file, X, version)
    found = read_array_parts(tmp_path / "x.npy", 4)
    assert found.shape == (6, 2)
    np.testing.assert_array_equal(np.concatenate(list(found.parts)), X)


def test_an_array_in_the_order_of_fortran_is_read_whole(tmp_path):
    np.save(tmp_path / "x.npy", np.asfortranarray(np.ones((3, 2))))
    assert read_array_parts(tmp_path / "x.npy", 2) is None


def test_a_broken_array_is_refused_when_it_breaks(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((10, 2)))
    content = path.read_bytes()
    for cut in (0, 5, 9, 100):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match=r"^source must be a readable NPY file; got '.*x\.npy', which is not"):
            read_array_parts(path, 4)
    path.write_bytes(content[:-20])
    parts = read_array_parts(path, 4).parts
    assert next(parts).shape == (4, 2)
    assert next(parts).shape == (4, 2)
    with pytest.raises(DataError, match=r"which is not \(it ends in row 8 of 10\)\.$"):
        next(parts)
    path.write_bytes(content.replace(b"(10, 2)", b"(-9, 2)"))
    with pytest.raises(DataError, match=r"which is not \(it has the shape \(-9, 2\)\)\.$"):
        read_array_parts(path, 4)
    path.write_bytes(content[:6] + bytes([9]) + content[7:])
    with pytest.raises(DataError, match=r"which is not \(it has version 9\.0\)\.$"):
        read_array_parts(path, 4)
    np.save(path, np.array([[None]]))
    assert read_array_parts(path, 4) is None
    np.save(path, np.ones((2, 0)))
    with pytest.raises(DataError, match="rows, and values in them"):
        read_array_parts(path, 4)
    np.save(path, np.ones(3))
    with pytest.raises(DataError, match="features of 2 or more dimensions"):
        read_array_parts(path, 4)
    with pytest.raises(DataError, match="does not exist"):
        read_array_parts(tmp_path / "y.npy", 4)

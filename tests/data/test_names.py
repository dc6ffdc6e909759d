"""Names for the columns of text files without a header: where they come from, and where they do not fit."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from logitwise import data
from logitwise.data.streaming import read_parts
from logitwise.data.text.names import read_names

ROWS = "1,2.5,red,yes\n3,4.5,blue,no\n5,6.5,red,no\n"
NAMES = ["size", "weight", "colour", "ripe"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path / "rows.csv"


LISTS = {
    "one a line": "size\nweight\ncolour\nripe\n",
    "no last line end": "size\nweight\ncolour\nripe",
    "lines of other systems": "size\r\nweight\r\ncolour\r\nripe\r\n",
    "old lines": "size\rweight\rcolour\rripe",
    "blank lines and spaces": "\n size \n\nweight\n  colour\nripe\n\n",
    "a byte order mark": "\ufeffsize\nweight\ncolour\nripe\n",
    "quotes": '"size"\n\'weight\'\n"colour"\nripe\n',
    "a delimited line": "size,weight,colour,ripe\n",
    "semicolons": "size; weight; colour; ripe",
    "tabs": "size\tweight\tcolour\tripe",
    "the header of another table": f"size,weight,colour,ripe\n{ROWS}",
    "a quoted header": f'"size","weight","colour","ripe"\n{ROWS}',
}


@pytest.mark.parametrize("name", LISTS)
def test_a_file_of_names_is_a_list_or_a_header(tmp_path, name):
    path = tmp_path / "names.txt"
    path.write_bytes(LISTS[name].encode())
    assert read_names(path) == tuple(NAMES)
    path.write_bytes(gzip.compress(LISTS[name].encode()))
    assert read_names(str(path)) == tuple(NAMES)


REFUSED = {
    "": "names must have content; got the empty file '{path}'.",
    "a\nb\na\nb\n": "names must differ from one another; got 'a', 'b' more than once in 'names.txt'.",
    "a\nb,c\n": "names must have as many fields in every line as in its first, 1; got 2 at line 2 of '{path}'. "
    "Check its separators and quotes, or give its separator.",
    "a,,b\n": "names must have a name for every column; got an empty one in 'names.txt' at place 1.",
}


@pytest.mark.parametrize("text", REFUSED)
def test_names_that_are_none_are_refused(tmp_path, text):
    path = tmp_path / "names.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(data.DataError, match=f"^{re.escape(REFUSED[text].format(path=path))}$"):
        read_names(path)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    with pytest.raises(data.DataError, match=r"^names must be an existing file; got 'absent\.txt'\.$"):
        read_names("absent.txt")
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xff\xfe\x00names")
    with pytest.raises(data.DataError, match=r"^names must be a text file in UTF-8; got .*\."):
        read_names(path)


def test_columns_are_called_by_the_names_given(table):
    found = data.read(table, target="ripe", names=NAMES)
    assert (found.features.columns, found.target_name, found.has_header) == (NAMES[:3], "ripe", True)
    assert found.features.rows() == [(1, 2.5, "red"), (3, 4.5, "blue"), (5, 6.5, "red")]
    assert found.target.tolist() == ["yes", "no", "no"]
    assert data.read(table, target=-1, names=NAMES).target_name == "ripe"


@pytest.mark.parametrize("header", ["size,weight,colour,ripe", "ripe,extra,weight,colour,size"])
def test_a_first_line_that_holds_the_names_is_a_header_all_the_same(table, header):
    extra = header.count(",") - 3
    row = ",".join(str(place) for place in range(4 + extra))
    table.write_text(f"{header}\n{row}\n{row}\n", encoding="utf-8")
    found = data.read(table, names=NAMES)
    assert (found.features.columns, len(found.features)) == (header.split(","), 2)
    assert len(data.read(table, names=NAMES, header=False).features) == 3 if not extra else True


def test_a_first_line_of_words_is_data_where_names_are_given(table):
    table.write_text("a,b,c,d\ne,f,g,h\n", encoding="utf-8")
    assert data.read(table).features.columns == ["a", "b", "c", "d"]
    assert len(data.read(table, names=NAMES).features) == 2


def test_names_that_do_not_fit_are_refused(table):
    count = f"^names must be as many as '{table}' has columns, 4; got "
    for names, rest in (
        (NAMES[:3], r"3\. The target needs a name, too\.$"),
        (["a"], r"1\.$"),
        ([*NAMES, "x"], r"5\.$"),
    ):
        with pytest.raises(data.NamesError, match=count + rest):
            data.read(table, names=names)
    table.write_text(f"a,b,c,d\n{ROWS}", encoding="utf-8")
    own = (
        f"names must be left out for a file that names its columns; got 'a', 'b', 'c' and 1 more in the first line of "
        f"'{table}'. Leave them out, or say header=False if that line is data."
    )
    with pytest.raises(data.NamesError, match=f"^{re.escape(own)}$"):
        data.read(table, names=NAMES)
    assert len(data.read(table, names=NAMES, header=False).features) == 4
    with pytest.raises(data.DataError, match=r"^names must be left out where the first line names .*; got both\.$"):
        data.read(table, names=NAMES, header=True)


@pytest.mark.parametrize(
    ("names", "error", "sentence"),
    [
        ("abcd", TypeError, "names must be a list of strings; got 'abcd'."),
        ([1, 2, 3, 4], TypeError, "names must be a list of strings; got [1, 2, 3, 4]."),
        (["a", "b", "a", "c"], ValueError, "names must differ from one another; got 'a' more than once."),
        (["a", "b", "", "c"], ValueError, "names must have a name for every column; got an empty one at place 2."),
    ],
)
def test_odd_names_are_refused(table, names, error, sentence):
    with pytest.raises(error, match=f"^{re.escape(sentence)}$"):
        data.read(table, names=names)


def test_sources_that_are_no_text_take_no_names(tmp_path, table):
    import numpy as np

    data.read(table).features.write_parquet(tmp_path / "rows.parquet")
    np.save(tmp_path / "rows.npy", np.ones((2, 4)))
    for source in ("iris", tmp_path / "rows.parquet", tmp_path / "rows.npy"):
        with pytest.raises(data.DataError, match=r"^names must be left out for .*; got 4 names\.$"):
            data.read(source, names=NAMES)


def test_parts_take_the_first_names_of_as_many_as_there_are_columns(table):
    choices = (NAMES, NAMES[:3])
    found = read_parts(table, numbers=["weight"], names=choices)
    assert (found.names, found.has_header) == (tuple(NAMES), True)
    assert [part.table["weight"].to_list() for part in found.parts] == [[2.5, 4.5, 6.5]]
    table.write_text("1,2.5,red\n", encoding="utf-8")
    assert read_parts(table, names=choices).names == tuple(NAMES[:3])
    table.write_text("1,2.5\n", encoding="utf-8")
    with pytest.raises(data.NamesError, match=r"has columns, 2; got 4\.$"):
        read_parts(table, names=choices)
    table.write_text("weight,colour,size,more\n1,2,3,4\n", encoding="utf-8")
    assert (read_parts(table, names=choices).names, read_parts(table, names=choices).has_header) == (
        ("weight", "colour", "size", "more"),
        True,
    )

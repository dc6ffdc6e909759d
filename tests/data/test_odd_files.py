"""Files as people have them: each kind of oddity in several variants, whole and in parts, as the exact table."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from logitwise.data import DataError, read, streaming
from logitwise.data.streaming import read_parts
from logitwise.data.text import table
from made_files import written

ROWS = [(1.5, "red", "yes"), (-2.0, "blue", "no"), (0.25, "red", "no"), (3.0, "green", "yes")]
PLAIN = {"size": [1.5, -2.0, 0.25, 3.0], "colour": ["red", "blue", "red", "green"], "ripe": ["yes", "no", "no", "yes"]}
TEXT = "size,colour,ripe\n1.5,red,yes\n-2.0,blue,no\n0.25,red,no\n3.0,green,yes\n"


def with_separator(sign: str, end: str = "\n") -> str:
    return TEXT.replace(",", sign).replace("\n", end)


def with_first(line: str) -> str:
    return line + TEXT[TEXT.index("\n") :]


def renamed(*names: str) -> dict[str, list]:
    return dict(zip(names, PLAIN.values(), strict=True))


def at(place: int, line: str) -> str:
    lines = TEXT.splitlines()
    return "\n".join([*lines[:place], line, *lines[place:]]) + "\n"


# What is read: the text (bytes where it is not UTF-8), options, the expected table, and words of the notes.
SEPARATORS = {
    "semicolon": (with_separator(";"), {}, PLAIN, []),
    "tab": (with_separator("\t"), {}, PLAIN, []),
    "pipe": (with_separator("|"), {}, PLAIN, ["Fields are separated by '|'."]),
    "pipe, lines of Windows": (with_separator("|", "\r\n"), {}, PLAIN, ["Fields are separated by '|'."]),
    "one space": (with_separator(" "), {}, PLAIN, ["Fields are separated by spaces."]),
    "runs of spaces": (
        "  size   colour  ripe\n   1.5  red     yes \n  -2.0  blue    no\n  0.25  red     no\n   3.0  green   yes\n",
        {},
        PLAIN,
        ["Fields are separated by spaces."],
    ),
    "spaces, lines of Windows": (with_separator("  ", " \r\n"), {}, PLAIN, ["Fields are separated by spaces."]),
    "spaces and quotes": (
        'size colour\n1.5 "light red"\n2.5 "blue"\n',
        {},
        {"size": [1.5, 2.5], "colour": ["light red", "blue"]},
        ["Fields are separated by spaces."],
    ),
    "a separator that is said": (with_separator(":"), {"separator": ":"}, PLAIN, []),
    "a tab that is said": (with_separator("\t"), {"separator": "tab"}, PLAIN, []),
    "spaces that are said": (
        "a b\nx y\nz w\n",
        {"separator": "space", "header": True},
        {"a": ["x", "z"], "b": ["y", "w"]},
        [],
    ),
    "a comma that is said": ("a,b;c\n1,2;3\n", {"separator": ",", "header": True}, {"a": [1], "b;c": ["2;3"]}, []),
    "more commas than semicolons, in text": (
        "a;b\n1;x, y, z\n2;z, w\n",
        {},
        {"a": [1, 2], "b": ["x, y, z", "z, w"]},
        [],
    ),
    "words with spaces in one column": ("word\nlight red\ndark blue\n", {}, {"word": ["light red", "dark blue"]}, []),
}
DECIMALS = {
    "decimal commas, not said, as many as semicolons": (
        "1,5;2,5;a\n3,5;4,5;b\n",
        {"header": False},
        {"column_0": ["1,5", "3,5"], "column_1": ["2,5", "4,5"], "column_2": ["a", "b"]},
        [],
    ),
    "decimal commas": (
        "size;n;ripe\n1,5;1;yes\n-2,0;2;no\n,25;3;no\n",
        {"decimal": ","},
        {"size": [1.5, -2.0, 0.25], "n": [1, 2, 3], "ripe": ["yes", "no", "no"]},
        [],
    ),
    "grouped thousands": (
        "size;ripe\n1.234,5;yes\n12.345.678;no\n0,5e2;no\nNA;no\n",
        {"decimal": ","},
        {"size": [1234.5, 12345678.0, 50.0, None], "ripe": ["yes", "no", "no", "no"]},
        [],
    ),
    "points that are none": (
        "size;ripe\n1.5;yes\n2,5;no\n",
        {"decimal": ","},
        {"size": ["1.5", "2,5"], "ripe": ["yes", "no"]},
        [],
    ),
    "decimal commas, not said": (
        "size;ripe\n1,5;yes\n2,5;no\n",
        {},
        {"size": ["1,5", "2,5"], "ripe": ["yes", "no"]},
        [],
    ),
    "tabs": ("size\tripe\n1,5\tyes\n2,5\tno\n", {"decimal": ","}, {"size": [1.5, 2.5], "ripe": ["yes", "no"]}, []),
    "without a header": (
        "1,5;2,5;a\n3,5;4,5;b\n",
        {"decimal": ",", "header": False},
        {"column_0": [1.5, 3.5], "column_1": [2.5, 4.5], "column_2": ["a", "b"]},
        [],
    ),
}
BEFORE = {
    "sep line": ("sep=;\n" + with_separator(";"), {}, PLAIN, []),
    "sep line, quoted, of a pipe": ('"sep=|"\r\n' + with_separator("|"), {}, PLAIN, []),
    "sep line, of a tab": ("SEP=\t\n" + with_separator("\t"), {}, PLAIN, []),
    "comments": (
        "# made, by hand\n# 2024\n" + TEXT,
        {},
        PLAIN,
        ["2 lines before the table are skipped: '# made, by hand', '# 2024'."],
    ),
    "a comment with a quote": ('% 5" pipes\n\n' + TEXT, {}, PLAIN, ["skipped: '% 5\" pipes'."]),
    "a comment of names": (
        "# size,colour,ripe\n" + TEXT.partition("\n")[2],
        {},
        PLAIN,
        ["The comment before the table names the columns"],
    ),
    "a title": ("Fruit\n" + TEXT, {}, PLAIN, ["The line before the table is skipped: 'Fruit'."]),
    "titles, some with separators": (
        "Fruit, all\nof 2024\n\n" + TEXT,
        {},
        PLAIN,
        ["3 lines before the table are skipped: 'Fruit, all', 'of 2024'."],
    ),
    "a title over two columns": (
        "Fruit\nsize,ripe\n1,yes\n2,no\n",
        {},
        {"size": [1, 2], "ripe": ["yes", "no"]},
        ["The line before the table is skipped: 'Fruit'."],
    ),
    "a title over semicolons": ("Fruit, all\n" + with_separator(";"), {}, PLAIN, ["skipped: 'Fruit, all'."]),
}
BLANK = {
    "lines of separators first": (",,\n,,\n" + TEXT, {}, PLAIN, []),
    "lines of separators first, fewer and more": (",\n\n , ,, \n" + TEXT, {}, PLAIN, []),
    "lines of separators around a title": (
        ",,\nFruit\n,,\n\n,,\n" + TEXT,
        {},
        PLAIN,
        ["lines before the table are skipped: 'Fruit'."],
    ),
    "lines of separators behind a comment": ("# Fruit\n,,\n" + TEXT, {}, PLAIN, ["skipped: '# Fruit'."]),
    "lines of separators first, lines of Windows": (";;\r\n" + with_separator(";", "\r\n"), {}, PLAIN, []),
    "lines of separators first, tabs": ("\t\t\n\t\n" + with_separator("\t"), {}, PLAIN, []),
    "lines of separators first, said": ("::\n" + with_separator(":"), {"separator": ":"}, PLAIN, []),
    "lines of separators first, row names": (
        ",,\nsize,ripe\n1,1.5,yes\n2,2.5,no\n",
        {},
        {"unnamed": [1, 2], "size": [1.5, 2.5], "ripe": ["yes", "no"]},
        ["The header has one name less"],
    ),
    "lines of separators last": (TEXT + ",,\n,,\n\n , ,\n,,", {}, PLAIN, ["of separators alone left out."]),
    "lines of separators last, more": (TEXT + ",,,,\n", {}, PLAIN, ["of separators alone left out."]),
    "lines of separators last, quotes": (
        TEXT.replace("red", '"red"') + ",,\n,,\n",
        {},
        PLAIN,
        ["of separators alone left out."],
    ),
    "lines of separators last, lines of Windows": (
        with_separator(";", "\r\n") + ";;\r\n;;\r\n",
        {},
        PLAIN,
        ["of separators alone left out."],
    ),
    "lines of separators last, tabs": (with_separator("\t") + "\t\t\n", {}, PLAIN, ["of separators alone left out."]),
    "lines of separators in the middle": (
        at(2, ",,\n,,"),
        {},
        {name: [cells[0], None, None, *cells[1:]] for name, cells in PLAIN.items()},
        [],
    ),
    "quotes around nothing, last": (
        TEXT + '"","",""\n',
        {},
        {name: [*cells, None] for name, cells in PLAIN.items()},
        [],
    ),
    "quotes around nothing but separators, last": (
        'a,b\n1,x\n2,"\n,,\n"\n,\n',
        {},
        {"a": [1, 2], "b": ["x", ",,"]},
        ["of separators alone left out."],
    ),
}
HEADERS = {
    "a year": (
        with_first("size,2020,ripe"),
        {},
        renamed("size", "2020", "ripe"),
        ["The first line ('size', '2020', 'ripe') was read as the names"],
    ),
    "years": (
        "land,2018,2019,2020\nDE,1,2,3\nFR,4,5,6\nIT,7,8,9\n",
        {},
        {"land": ["DE", "FR", "IT"], "2018": [1, 4, 7], "2019": [2, 5, 8], "2020": [3, 6, 9]},
        [],
    ),
    "positions": (with_first("0,1,2"), {}, renamed("0", "1", "2"), []),
    "positions and a name": (with_first("0,1,ripe"), {}, renamed("0", "1", "ripe"), []),
    "positions from 1": (with_first("1,2,3"), {}, renamed("1", "2", "3"), []),
    "an index and positions": (
        ",0,1\na,1.5,2\nb,2.5,3\n",
        {},
        {"unnamed": ["a", "b"], "0": [1.5, 2.5], "1": [2, 3]},
        [],
    ),
    "an empty name": (with_first("size,,ripe"), {}, renamed("size", "unnamed", "ripe"), ["was read as the names"]),
    "an unnamed index": (",a\n0,x\n1,y\n", {}, {"unnamed": [0, 1], "a": ["x", "y"]}, []),
    "row names of R": (
        '"size" "ripe"\n"1" 1.5 "yes"\n"2" 2.5 "no"\n',
        {},
        {"unnamed": [1, 2], "size": [1.5, 2.5], "ripe": ["yes", "no"]},
        ["spaces", "The header has one name less"],
    ),
    "row names of R, commas": (
        "size,ripe\n1,1.5,yes\n2,2.5,no\n",
        {},
        {"unnamed": [1, 2], "size": [1.5, 2.5], "ripe": ["yes", "no"]},
        ["The header has one name less"],
    ),
    "a separator behind each row alone": (
        "size,ripe\n1,yes,\n2,no,\n",
        {},
        {"size": [1, 2], "ripe": ["yes", "no"]},
        [],
    ),
    "a separator behind the header alone": (TEXT.replace("\n", ",\n", 1), {}, PLAIN, []),
    **{
        f"a name like the first bytes of zlib, {begin}{quote}": (
            f"{begin},b\n1,{quote}x{quote}\n",
            {"header": True},
            {begin: [1], "b": ["x"]},
            [],
        )
        for begin, quote in [("x^2", ""), ("x^2", '"'), ("xڜ", ""), ("xڜ", '"')]
    },
    "separators behind each line": (TEXT.replace("\n", ",,\n"), {}, PLAIN, []),
    "a separator behind each line of data": (
        "1,x,\n2,y,\n3,x,\n",
        {},
        {"column_0": [1, 2, 3], "column_1": ["x", "y", "x"]},
        [],
    ),
    "data": ("1.5,red\n2.5,blue\n3.5,red\n", {}, {"column_0": [1.5, 2.5, 3.5], "column_1": ["red", "blue", "red"]}, []),
    "integers that do not count": (
        "3,1,2\n1,2,2\n",
        {},
        {"column_0": [3, 1], "column_1": [1, 2], "column_2": [2, 2]},
        [],
    ),
    "positions above integers": (
        "0,1,2\n1,2,2\n",
        {},
        {"column_0": [0, 1], "column_1": [1, 2], "column_2": [2, 2]},
        [],
    ),
    "many positions above integers": (
        "0,1,2,3,4\n1,2,2,9,9\n",
        {},
        {"0": [1], "1": [2], "2": [2], "3": [9], "4": [9]},
        [],
    ),
    "a stray word in the first row": (
        "unknown,1,red\n2.5,2,blue\n3.5,3,red\n",
        {},
        {"column_0": ["unknown", "2.5", "3.5"], "column_1": [1, 2, 3], "column_2": ["red", "blue", "red"]},
        [],
    ),
}
NO_ROWS = {
    "the header again": (at(3, "size,colour,ripe"), {}, PLAIN, ["Line 4 repeats the header and is left out."]),
    "the header again, twice": (
        at(2, "size,colour,ripe\nsize,colour,ripe"),
        {},
        PLAIN,
        ["Lines 3, 4 repeat the header and are left out."],
    ),
    "the header again, with names that are numbers": (
        "c,0,1\na,1.5,2\nc,0,1\nc,0.5,1\n",
        {"header": True},
        {"c": ["a", "c"], "0": [1.5, 0.5], "1": [2, 1]},
        ["Line 3 repeats the header and is left out."],
    ),
    "the header again, at the end": (at(5, "size,colour,ripe"), {}, PLAIN, ["Line 6 repeats the header"]),
    "a total in the column of numbers": (
        at(5, "Total,4,"),
        {},
        PLAIN,
        ["Line 6, the last ('Total', '4', ''), holds totals and is left out."],
    ),
    "a total above a gap": (at(5, "2.75,,SUM"), {}, PLAIN, ["Line 6, the last"]),
    "a total with a colon": (at(5, "2.75,Grand total:,"), {}, PLAIN, ["Line 6, the last"]),
    "a colour that is called total": (
        at(5, "1.0,total,yes"),
        {},
        {"size": [*PLAIN["size"], 1.0], "colour": [*PLAIN["colour"], "total"], "ripe": [*PLAIN["ripe"], "yes"]},
        [],
    ),
    "a total that is not last": (
        at(4, "1.0,Total,"),
        {},
        {
            "size": [1.5, -2.0, 0.25, 1.0, 3.0],
            "colour": ["red", "blue", "red", "Total", "green"],
            "ripe": ["yes", "no", "no", None, "yes"],
        },
        [],
    ),
}
BUILT_IN = ["NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "None", "null", "NULL", "NaN", "nan", "-nan", "?", "1.#IND"]
MISSING = {
    **{
        word: (
            at(2, f"{word},{word},no"),
            {},
            {
                "size": [1.5, None, -2.0, 0.25, 3.0],
                "colour": ["red", None, "blue", "red", "green"],
                "ripe": ["yes", "no", "no", "no", "yes"],
            },
            [],
        )
        for word in BUILT_IN
    },
    "words that are said": (
        "a,b\n1,x\n-9,NA\n.,.\n",
        {"na_values": ["-9", "."]},
        {"a": [1, None, None], "b": ["x", "NA", None]},
        [],
    ),
    "none": ("a,b\n1,NA\n2,\n", {"na_values": []}, {"a": [1, 2], "b": ["NA", None]}, []),
}
QUOTES = {
    "inch marks": (
        'a\tb\n1\t5" pipe\n2\trod\n3\t6" x 5"\n',
        {},
        {"a": [1, 2, 3], "b": ['5" pipe', "rod", '6" x 5"']},
        [],
    ),
    "an odd inch mark": ('a,b\n1,5" pipe\n2,rod\n', {}, {"a": [1, 2], "b": ['5" pipe', "rod"]}, []),
    "quotes that are text": ('a,b\n1,"x\n2,"y" z\n', {"quotes": False}, {"a": [1, 2], "b": ['"x', '"y" z']}, []),
    "single quotes that are text": (
        "a,b\n1,'x'\n2,'y'\n",
        {"quotes": False},
        {"a": [1, 2], "b": ["'x'", "'y'"]},
        [],
    ),
    "single quotes around fields": (
        "'a','b'\n'1','x '\n2,y\n'',' z'\n",
        {"header": True},
        {"a": [1, 2, None], "b": ["x", "y", "z"]},
        [],
    ),
    "single quotes around a list": (
        "a,b\n1,\"'a', 'b'\"\n2,\"'c', 'd'\"\n3,'e'\n",
        {},
        {"a": [1, 2, 3], "b": ["'a', 'b'", "'c', 'd'", "'e'"]},
        [],
    ),
    "a single quote that is a letter": (
        "a\tb\n'1'\t'tis'\n'2'\t'tis\n",
        {},
        {"a": [1, 2], "b": ["'tis'", "'tis"]},
        [],
    ),
    "single quotes, doubled inside": (
        "a,b\n1,'it''s'\n2,'x'\n",
        {"header": True},
        {"a": [1, 2], "b": ["'it''s'", "'x'"]},
        [],
    ),
    "quotes around fields": ('a,b\n"1","x, ""y"""\n', {"quotes": True}, {"a": [1], "b": ['x, "y"']}, []),
}
ENCODINGS = {
    name: (
        TEXT.replace("red", "rötlich").encode(name),
        options,
        {**PLAIN, "colour": ["rötlich", "blue", "rötlich", "green"]},
        notes,
    )
    for name, options, notes in [
        ("utf-8-sig", {}, []),
        ("utf-16", {}, ["Read as UTF-16, by its byte order mark."]),
        ("utf-32", {}, ["Read as UTF-32, by its byte order mark."]),
        ("utf-16-le", {"encoding": "utf-16-le"}, []),
        ("utf-16-be", {"encoding": "UTF_16_BE"}, []),
        ("latin-1", {"encoding": "latin-1"}, []),
        ("cp1252", {"encoding": "cp1252"}, []),
        ("mac-roman", {"encoding": "mac_roman"}, []),
        ("utf-8", {"encoding": "utf-8"}, []),
    ]
}
CASES = {
    f"{kind}: {name}": case
    for kind, cases in {
        "separator": SEPARATORS,
        "decimal": DECIMALS,
        "before": BEFORE,
        "blank": BLANK,
        "header": HEADERS,
        "no row": NO_ROWS,
        "missing": MISSING,
        "quotes": QUOTES,
        "encoding": ENCODINGS,
    }.items()
    for name, case in cases.items()
}


def check_notes(notes, words):
    assert len(notes) == len(words) or (not words and all("first line" in str(note) for note in notes)), notes
    for note, word in zip(notes, words, strict=False):
        assert word in str(note)


@pytest.mark.parametrize("case", CASES)
def test_an_odd_file_is_read_whole(case, tmp_path):
    content, options, expected, words = CASES[case]
    found = read(written(tmp_path, content), **options)
    assert found.features.to_dict(as_series=False) == expected
    check_notes(found.notes, words)


# A part of a row or two does not show that its last row holds totals. Rows of gaps alone are rows to predict.
@pytest.mark.parametrize(
    ("case", "bytes_at_once"),
    [
        (case, size)
        for case in CASES
        for size in (1, 20, 1 << 20)
        if (size > 100 or "total" not in case) and not ("separators" in case and "last" in case)
    ],
)
def test_an_odd_file_is_read_in_parts(case, bytes_at_once, tmp_path, monkeypatch):
    content, options, expected, words = CASES[case]
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", bytes_at_once)
    path = written(tmp_path, content)
    whole = read(path, **options).features
    numbers = [name for name, dtype in whole.schema.items() if dtype.is_numeric()]
    has_points = options.get("decimal") != ","
    for asked in ([], numbers):
        found = read_parts(path, numbers=asked, **options)
        parts = list(found.parts)
        assert list(found.names) == list(expected)
        cells_of = {name: [cell for part in parts for cell in part.table[name].to_list()] for name in found.names}
        for name, cells in cells_of.items():
            if name not in numbers:
                assert cells == expected[name]
            elif has_points or asked:
                assert [as_number(cell) for cell in cells] == expected[name]
        notes = [*found.notes, *(note for part in parts for note in part.notes)]
        if bytes_at_once > 100:
            check_notes(notes, words)
        else:
            assert bool(notes) >= bool(words)


def as_number(cell: str | float | None) -> float | None:
    return None if cell is None or float(cell) != float(cell) else float(cell)


TARGETS = {
    "a year": (with_first("size,2020,ripe"), "ripe", ["size", "2020"]),
    "a year, which is the target": (with_first("size,colour,2020"), "2020", ["size", "colour"]),
    "positions": (with_first("0,1,ripe"), "ripe", ["0", "1"]),
    "numbers that are no positions": (with_first("10,7,ripe"), "ripe", ["10", "7"]),
    "a name that is missing": (with_first("NA,2,ripe"), "ripe", ["NA", "2"]),
    "a name that recurs": (with_first("size,colour,ripe").replace("blue,no", "blue,ripe"), "ripe", ["size", "colour"]),
    "a name that is a label": ("size,n,y\nlow,-,y\nhigh,1,n\nlow,2,y\nlow,3,y\n", "y", ["size", "n"]),
    "text alone": ("a,b\nx,a\ny,b\nx,a\n", "b", ["a"]),
    "a separator behind each line": (TEXT.replace("\n", ",\n"), "ripe", ["size", "colour"]),
    "an unnamed index": ("," + TEXT.replace("\n", "\n0,", 4), "ripe", ["unnamed", "size", "colour"]),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_first_line_that_holds_the_target_is_the_header(case, tmp_path):
    text, target, names = TARGETS[case]
    found = read(written(tmp_path, text), target=target)
    assert (found.features.columns, found.target_name, found.has_header) == (names, target, True)
    assert len(found.target) == text.count("\n") - 1
    assert not found.notes


def test_a_label_is_no_name(tmp_path):
    text = TEXT.partition("\n")[2] * 10
    with pytest.raises(
        DataError, match="target must be a column of the table, column_0, column_1, column_2; got 'yes'"
    ):
        read(written(tmp_path, text), target="yes")


def test_a_total_without_a_label_is_left_out(tmp_path):
    found = read(written(tmp_path, at(5, "4,Total,") + "\n"), target="ripe")
    assert found.target.tolist() == PLAIN["ripe"]
    assert found.positions.tolist() == [0, 1, 2, 3]


def test_rows_that_are_none_do_not_move_the_places_of_others(tmp_path):
    found = read(written(tmp_path, at(3, "size,colour,ripe")), target="ripe")
    assert found.positions.tolist() == [0, 1, 3, 4]


def test_columns_stay_text_where_that_is_asked(tmp_path):
    path = written(tmp_path, "zip,n\n02139,1\n00501,2\nNA,3\n")
    assert read(path, text=["zip"]).features.to_dict(as_series=False) == {
        "zip": ["02139", "00501", None],
        "n": [1, 2, 3],
    }
    parts = read_parts(path, numbers=["zip", "n"], text=["zip"], header=True).parts
    assert [part.table["zip"].to_list() for part in parts] == [["02139", "00501", None]]
    with pytest.raises(
        DataError, match=r"^text must be columns of the table, zip, n; got 'zap'\. Did you mean 'zip'\?$"
    ):
        read(path, text=["zap"])
    read(path).features.write_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", text=["n"]).features["n"].to_list() == ["1", "2", "3"]


PACKED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "xz of two streams": lambda data: lzma.compress(data[:20]) + lzma.compress(data[20:]),
    "gz of two members": lambda data: gzip.compress(data[:20]) + gzip.compress(data[20:]),
}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


PACKED |= {
    "zip": lambda data: zipped({"../../logitwise-outside/t.csv": data}),
    "zip with notes of a system": lambda data: zipped(
        {"t/": b"", "t/a.csv": data, "__MACOSX/t/._a.csv": b"1", ".DS_Store": b""}
    ),
    "zip, stored": lambda data: zipped({"/t.csv": data}, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("bytes_at_once", [7, 1 << 20])
@pytest.mark.parametrize("packing", PACKED)
def test_packed_text_is_told_by_its_bytes(packing, bytes_at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", bytes_at_once)
    packed = PACKED[packing](TEXT.encode())
    for name in ("t.csv", "t.csv.gz", *(["t.zip"] if "zip" in packing else [])):
        path = written(tmp_path, packed, name)
        assert read(path, header=True).features.to_dict(as_series=False) == PLAIN
        rows = [row for part in read_parts(path, header=True, numbers=["size"]).parts for row in part.table.rows()]
        assert [(float(size), colour, ripe) for size, colour, ripe in rows] == ROWS
    assert not (tmp_path.parent.parent / "logitwise-outside").exists()


def test_text_packed_by_zstandard(tmp_path):
    zstandard = pytest.importorskip("zstandard", reason="the extra zstd is not installed")
    path = written(
        tmp_path, zstandard.compress(TEXT[:20].encode()) + zstandard.compress(TEXT[20:].encode()), "t.csv.zst"
    )
    assert read(path).features.to_dict(as_series=False) == PLAIN
    assert sum(part.table.height for part in read_parts(path).parts) == 4
    broken = written(tmp_path, path.read_bytes()[:-9], "u.csv")
    with pytest.raises(DataError, match=r"^source must .*u\.csv"):
        read(broken)


@pytest.mark.parametrize("sign", [",", "\t", ";", "|", " "])
@pytest.mark.parametrize("head_bytes", [40, 75, 120, 1 << 20])
def test_the_beginning_may_end_inside_quotes(sign, head_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "HEAD_BYTES", head_bytes)
    rows = [(place + 0.5, f"line\n{place}{sign} and\nmore") for place in range(20)]
    text = f"size{sign}text\n" + "".join(f'{size}{sign}"{words}"\n' for size, words in rows)
    path = written(tmp_path, text)
    assert read(path).features.rows() == rows
    found = [row for part in read_parts(path, numbers=["size"]).parts for row in part.table.rows()]
    assert [(float(size), words) for size, words in found] == rows


@pytest.mark.parametrize("text", ["a,b\n1,x\ry", "a,b\r1,x\r2,y", "a,b\r1,x\r2,y\r"])
@pytest.mark.parametrize("bytes_at_once", [1, 5, 1 << 20])
def test_carriage_returns_end_lines_where_there_is_nothing_else(text, bytes_at_once, tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "BYTES_AT_ONCE", bytes_at_once)
    path = written(tmp_path, text)
    rows = [(1, "x\ry")] if "\n" in text else [(1, "x"), (2, "y")]
    assert read(path).features.rows() == rows
    found = [row for part in read_parts(path).parts for row in part.table.rows()]
    assert [(int(number), word) for number, word in found] == rows

"""JSON, ARFF, Arrow and Excel as tables, and packed files that mean harm."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile

import polars as pl
import pytest

from logitwise.data import DataError, read, unpacking
from logitwise.data.streaming import read_parts
from made_files import written

COLUMNS = {"size": [1.5, None, 3.0], "n": [1, 2, 3], "colour": ["red", None, "blue"], "is_new": [True, False, None]}
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
PANDAS = {name: {str(place): value for place, value in enumerate(values)} for name, values in COLUMNS.items()}
SPLIT = {"columns": list(COLUMNS), "index": [0, 1, 2], "data": [list(row.values()) for row in RECORDS]}
LINES = "\n".join(map(json.dumps, RECORDS))


def message(path, **options) -> str:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    with pytest.raises(DataError) as in_parts:
        list(read_parts(path).parts)
    if not options:
        assert str(in_parts.value) == str(caught.value)
    return str(caught.value).replace(repr(str(path)), "PATH")


JSON = {
    "records": ("t.json", json.dumps(RECORDS)),
    "records, indented, with a mark": ("t.json", "\ufeff" + json.dumps(RECORDS, indent=2)),
    "columns": ("t.json", json.dumps(COLUMNS)),
    "columns of pandas": ("t.json", json.dumps(PANDAS)),
    "split, of pandas": ("t.json", json.dumps(SPLIT)),
    "lines": ("t.jsonl", LINES),
    "lines, another name": ("t.ndjson", LINES.replace("\n", "\r\n\n") + "\n"),
    "lines by the name of JSON": ("t.json", LINES),
    "records by the name of lines": ("t.jsonl", json.dumps(RECORDS)),
    "nulls left out": ("t.json", json.dumps([{k: v for k, v in each.items() if v is not None} for each in RECORDS])),
}


@pytest.mark.parametrize("packing", [bytes, gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("case", JSON)
def test_json_is_a_table(case, packing, tmp_path):
    name, text = JSON[case]
    path = written(tmp_path, packing(text.encode()), name)
    found = read(path, target="n")
    assert found.features.to_dict(as_series=False) == {name: COLUMNS[name] for name in ("size", "colour", "is_new")}
    assert found.features.dtypes == [pl.Float64, pl.String, pl.Boolean]
    assert (found.target.tolist(), found.has_header) == ([1, 2, 3], True)
    parts = read_parts(path, numbers=["size"])
    assert (parts.names, [part.table.to_dict(as_series=False) for part in parts.parts]) == (tuple(COLUMNS), [COLUMNS])


def test_values_of_several_types_are_text_and_large_integers_floats(tmp_path):
    rows = [{"a": 1, "b": 2**70, "c": 1, "d": None}, {"a": "x", "b": 1, "c": 2.5, "d": None}]
    found = read(written(tmp_path, json.dumps(rows), "t.json")).features
    assert found.to_dict(as_series=False) == {"a": ["1", "x"], "b": [2.0**70, 1.0], "c": [1.0, 2.5], "d": [None, None]}


DEEP = "[" * 100_000 + "]" * 100_000
FORMS = "source must be a list of records, an object of columns, or one record a line; got "
BAD_JSON = {
    "no table": ("t.json", "3", FORMS + "a number in PATH."),
    "a list of numbers": ("t.json", "[1, 2]", FORMS + "a number in PATH at record 0."),
    "a record that is none": ("t.jsonl", '{"a": 1}\n[1]', FORMS + "a list in PATH at record 1."),
    "a value that is a list": (
        "t.json",
        '[{"a": 1}, {"a": [1]}]',
        "source must hold one value per field; got a list in 'a' at record 1 of PATH. Give each value a field of its "
        "own.",
    ),
    "columns of different lengths": (
        "t.json",
        '{"a": [1], "b": [1, 2]}',
        "source must have columns of one length; got 1, 2 values in PATH.",
    ),
    "no rows": ("t.json", "[]", "source must have rows; got 0 rows of 0 columns in PATH."),
    "nothing": ("t.json", " ", "source must have content; got the empty file PATH."),
    "broken": (
        "t.json",
        '[{"a": 1},',
        "source must be a readable JSON file; got PATH, which is not (Expecting value: line 1 column 11 (char 10)).",
    ),
    "a broken line": (
        "t.jsonl",
        '{"a": 1}\n{"a": }\n',
        "source must be a readable JSON lines file; got PATH, which is not "
        "(line 2: Expecting value: line 1 column 7 (char 6)).",
    ),
    "deep": (
        "t.json",
        DEEP,
        "source must hold one value per field; got lists or objects a thousand levels deep in PATH.",
    ),
    "a deep line": (
        "t.jsonl",
        '{"a": ' + DEEP + "}",
        "source must hold one value per field; got lists or objects a thousand levels deep in PATH.",
    ),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_json_that_is_no_table_is_refused(case, tmp_path):
    name, text, sentence = BAD_JSON[case]
    said = message(written(tmp_path, text, name))
    assert said == sentence or (sentence == "TOO LONG" and "Exceeds the limit" in said)


ARFF = r"""% made
@RELATION 'some fruit'

@attribute size NUMERIC
@attribute 'the colour' {red, 'light blue', "it's"}
@attribute n integer
@ATTRIBUTE when date "yyyy-MM-dd"
@attribute "a \"note\"" string
@Data
% rows
1.5,red,1,2024-01-01,'a, b'
?, 'light blue' , 2,?,"say \"x\""

-2,"it's",3,2024-01-02,?
"""
ARFF_COLUMNS = {
    "size": [1.5, None, -2.0],
    "the colour": ["red", "light blue", "it's"],
    "n": [1, 2, 3],
    "when": ["2024-01-01", None, "2024-01-02"],
    'a "note"': ["a, b", 'say "x"', None],
}


@pytest.mark.parametrize("text", [ARFF, ARFF.replace("\n", "\r\n")])
def test_arff_is_a_table(text, tmp_path):
    path = written(tmp_path, gzip.compress(text.encode()), "t.arff.gz")
    assert read(path).features.to_dict(as_series=False) == ARFF_COLUMNS
    assert read(path, target="the colour").target.tolist() == ARFF_COLUMNS["the colour"]
    assert [part.table.to_dict(as_series=False) for part in read_parts(path).parts] == [ARFF_COLUMNS]


BAD_ARFF = {
    "sparse rows": (
        "@attribute a numeric\n@data\n{0 1}\n",
        "source must have rows of all values; got a sparse row at line 3 of PATH. Save it as CSV.",
    ),
    "no data": ("@attribute a numeric\n", "source must be a readable ARFF file; got no line @data in PATH."),
    "no rows": ("@attribute a numeric\n@data\n", "source must have rows; got 0 rows of 1 columns in PATH."),
    "another format": ("a,b\n1,2\n", "source must be a readable ARFF file; got 'a,b' at line 1 of PATH."),
    "a type of its own": (
        "@attribute a relational\n@data\n",
        "source must have attributes that are numeric, nominal, strings or dates; got 'relational' at line 1 of PATH.",
    ),
    "a short row": (
        "@attribute a numeric\n@attribute b numeric\n@data\n1,2\n\n3\n",
        "source must have a value for each of its 2 attributes in every row; got 1 at line 6 of PATH.",
    ),
    "an open quote": (
        "@attribute a string\n@data\n'x\n",
        'source must close every quote; got "\'x" at line 3 of PATH.',
    ),
    "a word that is no number": (
        "@attribute a numeric\n@data\n1\nx\n",
        "source must have numbers in the attribute 'a'; got 'x' at PATH.",
    ),
    "names alike": (
        "@attribute a numeric\n@attribute a numeric\n@data\n1,2\n",
        "source must have attributes of different names; got two called 'a' in PATH.",
    ),
}


@pytest.mark.parametrize("case", BAD_ARFF)
def test_arff_that_is_no_table_is_refused(case, tmp_path):
    text, sentence = BAD_ARFF[case]
    assert message(written(tmp_path, text, "t.arff")) == sentence


TABLE = pl.DataFrame(COLUMNS)


@pytest.mark.parametrize("name", ["t.feather", "t.arrow", "t.ipc"])
@pytest.mark.parametrize("as_stream", [False, True])
def test_arrow_keeps_its_types(name, as_stream, tmp_path):
    (TABLE.write_ipc_stream if as_stream else TABLE.write_ipc)(tmp_path / name)
    assert read(tmp_path / name).features.equals(TABLE)
    assert pl.concat([part.table for part in read_parts(tmp_path / name).parts]).equals(TABLE)
    content = (tmp_path / name).read_bytes()
    for size in range(1, 0 if as_stream else len(content), 97):  # a stream may end after any batch
        said = message(written(tmp_path, content[:size], name))
        assert said.startswith(
            ("source must be a readable Arrow file; got PATH, which", "source must have rows; got 0")
        )


SHEETS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default '
    'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
    'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
    'Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://'
    'schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="fruit" sheetId="1" r:id="r1"/>'
    '<sheet name="notes" sheetId="2" r:id="r2"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/worksheet" Target="worksheets/sheet2.xml"/></Relationships>',
}


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def sheet(*rows: str) -> str:
    inside = "".join(f'<row r="{place}">{row}</row>' for place, row in enumerate(rows, 1))
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{inside}</sheetData></worksheet>"
    )


def workbook() -> bytes:
    first = sheet(
        text_cell("B1", "size") + text_cell("C1", "ripe"),
        '<c r="A2"><v>0</v></c><c r="B2"><f>1+0.5</f><v>1.5</v></c>' + text_cell("C2", "yes"),
        '<c r="A3"><v>1</v></c>' + text_cell("C3", "no"),
        '<c r="A4"><v>2</v></c><c r="B4"><v>3</v></c>' + text_cell("C4", "yes"),
    )
    members = {**SHEETS, "xl/worksheets/sheet1.xml": first, "xl/worksheets/sheet2.xml": sheet(text_cell("A1", "x"))}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_excel_gives_its_first_sheet(tmp_path):
    pytest.importorskip("fastexcel", reason="the extra excel is not installed")
    path = written(tmp_path, workbook(), "t.xlsx")
    found = read(path, target="ripe")
    assert found.features.to_dict(as_series=False) == {"unnamed": [0, 1, 2], "size": [1.5, None, 3.0]}
    assert found.target.tolist() == ["yes", "no", "yes"]
    assert [str(note) for note in found.notes] == ["The first sheet, 'fruit', was read; not 'notes'."]
    parts = read_parts(path)
    assert (parts.names, [str(note) for note in parts.notes]) == (("unnamed", "size", "ripe"), [str(found.notes[0])])


def test_broken_excel_is_refused(tmp_path):
    pytest.importorskip("fastexcel", reason="the extra excel is not installed")
    content = workbook()
    for data in (
        b"x",
        b"PK\3\4",
        content[:-30],
        content[:200],
        b"\xd0\xcf\x11\xe0" * 99,
    ):
        said = message(written(tmp_path, data, "t.xlsx"))
        assert (
            said.startswith("source must be a readable Excel file; got PATH, which is not (") or data[:4] == b"PK\3\4"
        )


def test_excel_by_another_name_is_told(tmp_path):
    said = message(written(tmp_path, workbook(), "t.csv"))
    assert said.startswith("source must be a ZIP archive of one file; got '[Content_Types].xml', ")
    assert said.endswith(" in PATH. It is an Excel file: let its name end in .xlsx.")


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def encrypted() -> bytes:
    """Return an archive whose member says that it is encrypted."""
    content = bytearray(zipped({"t.csv": b"a,b\n1,2\n"}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


TEXT = b"a,b\n1,2\n"
HOSTILE = {
    "two tables": (
        zipped({"a.csv": TEXT, "../b.csv": TEXT}),
        "source must be a ZIP archive of one file; got 'a.csv', '../b.csv' in PATH. Unpack it, and name the file.",
    ),
    "no table": (zipped({"a/": b""}), "source must be a ZIP archive of one file; got nothing in PATH."),
    "gzip in gzip": (
        gzip.compress(gzip.compress(TEXT)),
        "source must be packed once; got gzip inside gzip in PATH. Unpack it.",
    ),
    "ZIP in ZIP": (
        zipped({"a.csv": zipped({"a.csv": TEXT})}),
        "source must be packed once; got ZIP inside ZIP in PATH. Unpack it.",
    ),
    "xz in bzip2": (
        bz2.compress(lzma.compress(TEXT)),
        "source must be packed once; got xz inside bzip2 in PATH. Unpack it.",
    ),
    "encrypted": (encrypted(), "source must be readable; got PATH, which is encrypted. Unpack it with its password."),
    "a ZIP cut short": (
        zipped({"a.csv": TEXT})[:-30],
        "source must be a readable ZIP file; got PATH, which is not (File is not a zip file).",
    ),
    "a bzip2 cut short": (
        bz2.compress(TEXT)[:-5],
        "source must be a readable bzip2 file; got PATH, which is not (Compressed file ended "
        "before the end-of-stream marker was reached).",
    ),
    "an xz cut short": (
        lzma.compress(TEXT)[:-5],
        "source must be a readable xz file; got PATH, which is not (Compressed file ended "
        "before the end-of-stream marker was reached).",
    ),
    "an xz that is none": (
        b"\xfd7zXZ\0" + b"x" * 99,
        "source must be a readable xz file; got PATH, which is not (Input format not supported by decoder).",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_packed_files_that_are_no_text_are_refused(case, tmp_path):
    content, sentence = HOSTILE[case]
    said = message(written(tmp_path, content, "t.csv"))
    assert said == sentence or (
        case == "an xz that is none" and said.startswith("source must be a readable xz file; got")
    )


BOMBS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "ZIP": lambda data: zipped({"t.csv": data})}


@pytest.mark.parametrize("packing", BOMBS)
@pytest.mark.parametrize("content", [b"\n", b"1,2\n", b"0"])
def test_a_file_that_unpacks_to_far_more_is_refused(packing, content, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "ANY_TIMES", 100_000)
    monkeypatch.setattr(unpacking, "MOST_TIMES", 30)
    monkeypatch.setattr(unpacking, "BYTES_AT_ONCE", 5_000)
    path = written(tmp_path, BOMBS[packing](content * (5_000_000 // len(content))), "t.csv")
    size = path.stat().st_size
    assert message(path) == (
        f"source must be of a reasonable size when unpacked; got more than 30 times its {size:,} bytes in PATH. "
        "Unpack it, if it is what it says."
    )


def test_a_packed_file_that_is_read_whole_has_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MOST_UNPACKED", 1000)
    monkeypatch.setattr(unpacking, "BYTES_AT_ONCE", 100)
    path = written(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 500), "t.csv")
    with pytest.raises(DataError, match="reasonable size when unpacked; got more than 1,000 bytes in "):
        read(path)
    assert sum(part.table.height for part in read_parts(path).parts) == 500


def test_a_workbook_that_unpacks_to_far_more_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("fastexcel", reason="the extra excel is not installed")
    from logitwise.data import spreadsheets

    monkeypatch.setattr(spreadsheets, "ANY_TIMES", 1000)
    monkeypatch.setattr(spreadsheets, "MOST_TIMES", 0)
    monkeypatch.setattr(spreadsheets, "BYTES_AT_ONCE", 100)
    said = message(written(tmp_path, workbook(), "t.xlsx"))
    assert said == "source must be of a reasonable size when unpacked; got more than 1,000 bytes in PATH."


BLANKS = {
    "records": '[{"a": "", "b": 1, "c": "x", "d": ""}, {"a": "x", "b": " ", "c": " \\t", "d": " "},'
    ' {"a": "y", "b": 2.5, "c": " z", "d": null}]',
    "columns": '{"a": ["", "x", "y"], "b": [1, " ", 2.5], "c": ["x", " ", " z"], "d": ["", " ", ""]}',
    "lines": '{"a": "", "b": 1, "c": "x", "d": ""}\n{"a": "x", "b": "", "c": "", "d": ""}\n'
    '{"a": "y", "b": 2.5, "c": " z", "d": ""}\n',
}


@pytest.mark.parametrize("case", BLANKS)
def test_blank_text_of_json_is_missing(case, tmp_path):
    path = written(tmp_path, BLANKS[case], "t.json")
    assert read(path).features.to_dict(as_series=False) == {
        "a": [None, "x", "y"],
        "b": [1.0, None, 2.5],
        "c": ["x", None, " z"],
        "d": [None] * 3,
    }
    with pytest.raises(DataError, match="1 missing in column 'a'"):
        read(path, target="a")
    assert read(path, target="a", drop_unlabelled=True).target.tolist() == ["x", "y"]

"""How the commands read: what is said in training holds afterwards, notes name options, `-` is standard input."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import logitwise as lw
from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise.cli.commands import app
from logitwise.columns.numbers import Spelling

ROWS = made_rows(80, seed=1)


def as_text(rows, separator: str = ",", decimal: str = ".", header: str = "size,colour,label") -> str:
    lines = [separator.join([str(size).replace(".", decimal), colour, label]) for size, colour, label in rows]
    return "\n".join([header.replace(",", separator), *lines]) + "\n"


def result_of(run, *words):
    result = run(*words)
    assert result.exit_code == 0, result.stderr
    return result


def log_loss(run, *words) -> float:
    return json.loads(result_of(run, *words, "--json").stdout)["metrics"]["model"]["log_loss"]


@pytest.fixture
def plain(run) -> tuple[float, str]:
    """Return the log loss of a model of plain rows on others, and its predictions for these."""
    write_csv("plain.csv", ROWS)
    write_csv("other.csv", made_rows(30, seed=2))
    result_of(run, "train", "plain.csv", "--target", "label", *SMALL)
    return (
        log_loss(run, "evaluate", "plain.safetensors", "other.csv"),
        result_of(run, "predict", "plain.safetensors", "other.csv").stdout,
    )


SAID = {
    "separator": (["--separator", ":"], {"separator": ":"}, {}, "utf-8"),
    "space": (["--separator", "space"], {"separator": " "}, {}, "utf-8"),
    "decimal": (["--decimal", ","], {"separator": ";", "decimal": ","}, {}, "utf-8"),
    "encoding": (["--encoding", "cp1252"], {}, {"red": "röt"}, "cp1252"),
    "missing": (["--na-values", "none, -"], {}, {}, "utf-8"),
    "quotes": (["--no-quotes"], {}, {"red": '"red'}, "utf-8"),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_said_in_training_holds_afterwards(case, run, plain):
    words, shape, spelling, encoding = SAID[case]
    for name, rows in (("data.csv", ROWS), ("more.csv", made_rows(30, seed=2))):
        text = as_text(rows, **shape)
        for old, new in spelling.items():
            text = text.replace(old, new)
        Path(name).write_bytes(text.encode(encoding))
    result_of(run, "train", "data.csv", "--target", "label", *words, *SMALL)
    assert log_loss(run, "evaluate", "data.safetensors", "more.csv") == plain[0]
    assert result_of(run, "predict", "data.safetensors", "more.csv").stdout == plain[1]
    result_of(run, "report", "data.safetensors", "more.csv")
    recorded = lw.load("data.safetensors").metadata["reading"]
    assert list(recorded) == [words[0].lstrip("-").replace("-", "_").removeprefix("no_")]


def test_what_was_said_in_training_can_be_overruled(run, plain):
    Path("data.csv").write_text(as_text(ROWS, ":"), encoding="utf-8")
    result_of(run, "train", "data.csv", "--target", "label", "--separator", ":", *SMALL)
    for command, expected in (("evaluate", plain[0]), ("predict", plain[1])):
        words = (command, "data.safetensors", "other.csv", "--separator", "comma")
        found = log_loss(run, *words) if command == "evaluate" else result_of(run, *words).stdout
        assert found == expected
    Path("bare.csv").write_text(
        as_text(made_rows(30, seed=2)).partition("\n")[2].replace(",ripe", "").replace(",raw", ""), encoding="utf-8"
    )
    words = ["data.safetensors", "bare.csv", "--separator", ",", "--no-header"]
    assert result_of(run, "predict", *words).stdout.splitlines()[1:] == plain[1].splitlines()[1:]


def test_numbers_with_commas_are_numbers_in_prediction_too(run, plain):
    Path("data.csv").write_text(as_text(ROWS, ";", ","), encoding="utf-8")
    result_of(run, "train", "data.csv", "--target", "label", "--decimal", ",", *SMALL)
    size = lw.load("data.safetensors").preprocessing.columns_of_x.columns[0]
    assert (size.kind, size.spelling) == ("number", Spelling(",", "."))


NOTES = {
    "data": ("# made\n" + as_text(ROWS), "The line before the table is skipped: '# made'."),
    "pipes": (as_text(ROWS, "|"), "Fields are separated by '|'."),
    "again": (
        as_text([*ROWS[:5], ("size", "colour", "label"), *ROWS[5:]]),
        "Line 7 repeats the header and is left out.",
    ),
    "total": (
        as_text([*ROWS, ("Total", "", "")]),
        "Line 82, the last ('Total', '', ''), holds totals and is left out.",
    ),
}


@pytest.mark.parametrize("name", NOTES)
def test_what_was_understood_is_said(name, run, plain):
    text, note = NOTES[name]
    Path("odd.csv").write_text(text, encoding="utf-8")
    said = f"logitwise: note: DATA: {note}\n"
    assert said in result_of(run, "train", "odd.csv", "--target", "label", *SMALL).stderr
    assert said in result_of(run, "evaluate", "plain.safetensors", "odd.csv").stderr
    found = result_of(run, "predict", "plain.safetensors", "odd.csv")
    assert said in found.stderr
    assert found.stdout == result_of(run, "predict", "plain.safetensors", "plain.csv").stdout
    assert (
        said.replace("DATA", "--test")
        in result_of(run, "train", "plain.csv", "--test", "odd.csv", "--target", "label", *SMALL).stderr
    )
    assert result_of(run, "predict", "plain.safetensors", "odd.csv", "--quiet").stderr == ""


def test_a_doubt_about_the_header_names_the_options(run):
    Path("odd.csv").write_text(as_text(ROWS, header="size,2020,label"), encoding="utf-8")
    assert "first line" not in result_of(run, "train", "odd.csv", "--target", "label", *SMALL).stderr
    said = result_of(run, "train", "odd.csv", "--target", "-1", *SMALL).stderr
    assert (
        "logitwise: note: DATA: The first line ('size', '2020', 'label') was read as the names of the columns, though "
        "it holds a number or an empty field: if it is data, say --no-header.\n"
    ) in said
    assert "first line" not in result_of(run, "predict", "odd.safetensors", "odd.csv").stderr


@pytest.mark.parametrize("packed", [False, True])
def test_a_minus_is_standard_input(packed, run, plain, monkeypatch):
    content = Path("plain.csv").read_bytes()
    if packed:
        with zipfile.ZipFile("plain.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write("plain.csv")
        content = Path("plain.zip").read_bytes()

    def with_input(*words, content=content):
        return CliRunner().invoke(app, list(words), input=content, catch_exceptions=False)

    trained = with_input("train", "-", "--target", "label", *SMALL)
    assert trained.exit_code == 0, trained.stderr
    assert "rows of standard input: 2 features" in trained.stderr
    assert lw.load("standard-input.safetensors").metadata["data"] == "standard input"
    assert (
        with_input("predict", "plain.safetensors", "-").stdout
        == run("predict", "plain.safetensors", "plain.csv").stdout
    )
    measured = with_input("evaluate", "standard-input.safetensors", "-", "--json")
    assert json.loads(measured.stdout)["metrics"]["where"] == "the 80 rows of standard input"
    assert "name of the training data" not in measured.stderr
    reported = with_input("report", "plain.safetensors", "-", "-o", "r.html")
    assert reported.exit_code == 0
    assert "SHA-256 of standard input" in Path("r.html").read_text(encoding="utf-8")
    empty = with_input("predict", "plain.safetensors", "-", content=b"")
    assert (empty.exit_code, empty.stderr) == (
        2,
        "logitwise: error: DATA must have content; got the empty file standard input.\n",
    )


def test_json_on_standard_input_is_told(run, plain):
    lines = "\n".join(json.dumps({"size": size, "colour": colour}) for size, colour, _ in made_rows(30, seed=2))
    found = CliRunner().invoke(app, ["predict", "plain.safetensors", "-"], input=lines.encode(), catch_exceptions=False)
    assert found.stdout == plain[1]


REFUSED = {
    "train plain.csv --separator ab --target label": (
        "--separator must be one character that is neither a letter, a digit nor a quote, or one of 'tab', "
        "'space'; got 'ab'."
    ),
    "train plain.csv --separator x --target label": (
        "--separator must be one character that is neither a letter, a digit nor a quote, or one of 'tab', "
        "'space'; got 'x'."
    ),
    "train plain.csv --encoding utf-9 --target label": (
        "--encoding must name an encoding of text, such as 'utf-8', 'cp1252' or 'latin-1'; got 'utf-9'."
    ),
    "train plain.csv --encoding base64 --target label": (
        "--encoding must name an encoding of text, such as 'utf-8', 'cp1252' or 'latin-1'; got 'base64'."
    ),
    "train plain.csv --decimal ; --target label": ("--decimal must be '.' or ','; got ';'."),
    "train plain.csv --decimal , --separator , --target label": ("--decimal must differ from the separator; got ','."),
    "train latin.csv --target label": (
        "DATA must be text in UTF-8; got byte 0xf6 at line 2 of 'latin.csv'. Say in which encoding it is, "
        "such as --encoding cp1252 or --encoding latin-1, or save it as UTF-8."
    ),
    "predict plain.safetensors latin.csv": (
        "DATA must be text in UTF-8; got byte 0xf6 at line 2 of 'latin.csv'. Say in which encoding it is, "
        "such as --encoding cp1252 or --encoding latin-1, or save it as UTF-8."
    ),
    "train latin.csv --encoding ascii --target label": (
        "DATA must be text in ascii; got byte 0xf6 at line 2 of 'latin.csv'. Say in which encoding it is, "
        "such as --encoding cp1252 or --encoding latin-1, or save it as UTF-8."
    ),
    "train wide.csv --target label": (
        "DATA must be text; got the control character 0x00 at offset 1 of 'wide.csv'. It seems to be "
        "UTF-16 without a byte order mark: say --encoding utf-16-le."
    ),
    "train na.csv --target label": (
        "--target must have a value in every row; got 2 missing in column 'label' of 'na.csv', written 'None'"
        " (1 row), 'null' (1 row), the first at row 0, counted from 0. If that is a label, keep it "
        "(--na-values ''); else fill them in, or drop those rows (--drop-unlabelled)."
    ),
    "train quotes.csv --target label": (
        "DATA must close every double quote; got one left open in 'quotes.csv', the first odd one at line 2. "
        "Double the quotes inside a quoted field, or say --no-quotes if quotes are text."
    ),
    "train ragged.csv --target label": (
        "DATA must have as many fields in every line as in its first, 2; got 1 at line 3 of 'ragged.csv'. "
        "Check its separators and quotes, or give its --separator."
    ),
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_refusal_names_the_option_that_helps(command, run, plain):
    Path("latin.csv").write_bytes("size,colour,label\n1,röt,a\n2,blau,b\n".encode("latin-1"))
    Path("wide.csv").write_bytes(as_text(ROWS).encode("utf-16-le"))
    Path("na.csv").write_text("size,label\n1,None\n2,null\n3,a\n", encoding="utf-8")
    Path("quotes.csv").write_text('size,label\n1,"a\n2,b\n', encoding="utf-8")
    Path("ragged.csv").write_text("size,label\n1,a\n2\n3,b\n", encoding="utf-8")
    result = run(*command.split())
    assert (result.exit_code, result.stderr) == (2, f"logitwise: error: {REFUSED[command]}\n")


def test_a_label_that_is_called_na_is_kept_on_request(run):
    Path("na.csv").write_text(as_text([(size, colour, label.replace("raw", "NA")) for size, colour, label in ROWS]))
    result_of(run, "train", "na.csv", "--target", "label", "--na-values", "", *SMALL)
    assert lw.load("na.safetensors").classes.tolist() == ["NA", "ripe"]
    assert "80 rows" in result_of(run, "evaluate", "na.safetensors", "na.csv").stdout


@pytest.mark.parametrize(
    "odd", ["x", {"separator": 1}, {"unknown": "x"}, {"na_values": "NA"}, {"quotes": "no"}, {"text": [1]}]
)
def test_a_model_file_with_an_odd_way_to_read_is_refused(odd, run, plain):
    model = lw.load("plain.safetensors")
    replace(model, metadata={**model.metadata, "reading": odd}).save("odd.safetensors")
    for command in ("evaluate", "predict"):
        result = run(command, "odd.safetensors", "other.csv")
        assert result.exit_code == 2
        assert "as 'reading'. Train it again." in result.stderr

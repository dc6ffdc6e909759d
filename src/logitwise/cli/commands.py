"""The commands: each parses its arguments, calls the library, and prints.

Torch and scikit-learn are imported only to train, and to read the data sets scikit-learn brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from logitwise import __version__
from logitwise._display import counted
from logitwise._errors import InvalidValueError, naming
from logitwise._listing import nearest
from logitwise._notice import phase
from logitwise.cli.door import BAD_INPUT, INTERRUPTED, Door, say
from logitwise.cli.options import (
    CategoryColumn,
    Config,
    Data,
    DateColumn,
    Decimal,
    Device,
    DroppedColumn,
    DropUnlabelled,
    Encoding,
    Epochs,
    Header,
    Hidden,
    Json,
    LabelStrip,
    LearningRate,
    ModelFile,
    Names,
    NaValues,
    NewModel,
    NumberColumn,
    Page,
    Quiet,
    Quotes,
    Seed,
    Separator,
    ShowConfig,
    Target,
    Test,
)
from logitwise.cli.typed import class_place, is_number, number

if TYPE_CHECKING:
    from logitwise.model.model import Model

EXIT_CODES = """
\b
Exit codes:
  0    success
  1    the reader of the output closed the pipe, or a bug in this program
  2    bad input or wrong usage, with an error message on standard error
  130  stopped by Ctrl-C; `train` saves the best step so far, if there is one
"""


def _examples(*lines: str) -> str:
    """Return the end of a help text: command lines to copy, each as it is typed."""
    listed = "".join(f"  {line}\n" for line in lines)
    return f"\b\nExample{'s' if len(lines) > 1 else ''}:\n{listed}"


app = typer.Typer(
    cls=Door,
    help="Train classifiers on tables, arrays and small images, and get probabilities from them.",
    epilog=_examples("logitwise train digits --report digits.html", "logitwise explain 2.0 1.0 0.1 --target 0")
    + EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Show the version, where it is asked for; the commands come after."""
    if version:
        typer.echo(f"logitwise {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(BAD_INPUT)


@app.command(
    epilog=_examples(
        "logitwise train flowers.csv --target species",
        "logitwise train digits --report digits.html",
        "logitwise train adult-train.csv --target -1 \\\n      --test adult-test.csv --label-strip .",
    )
)
def train(
    context: typer.Context,
    data: Data,
    target: Target = None,
    test: Test = None,
    hidden: Hidden = None,
    epochs: Epochs = None,
    learning_rate: LearningRate = None,
    model: NewModel = None,
    seed: Seed = None,
    label_strip: LabelStrip = None,
    drop_unlabelled: DropUnlabelled = False,
    header: Header = None,
    names: Names = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    na_values: NaValues = None,
    quotes: Quotes = None,
    device: Device = None,
    number_columns: NumberColumn = None,
    category_columns: CategoryColumn = None,
    date_columns: DateColumn = None,
    dropped_columns: DroppedColumn = None,
    report: Page = None,
    config: Config = None,
    show_config: ShowConfig = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a classifier, measure it, and save it.

    The model is measured on the rows of --test, or else on the test set of DATA, or else on a fifth of DATA, a
    stratified sample chosen by the seed. Training never uses those rows, and the model saved is the one measured.

    Ctrl-C ends the training early: the model of the best step so far is measured and saved.
    """
    with phase("Starting"):
        from logitwise.cli import train_command
        from logitwise.cli.sources import ReadOptions, TextFormat, read_names
        from logitwise.cli.standard_input import received

    data = received(data, context)
    layers = None if hidden is None else train_command.hidden_sizes(hidden)
    training = {"hidden": layers, "epochs": epochs, "learning_rate": learning_rate}
    training |= {"random_state": seed, "device": device}
    said = train_command.said_of_columns(number_columns, category_columns, date_columns, dropped_columns)
    as_text = [column for column, kind in said.items() if kind.startswith(("category", "date"))]
    text_format = TextFormat.typed(separator, encoding, decimal, na_values, quotes, as_text)
    reading = ReadOptions(header, label_strip or "", drop_unlabelled, read_names(names), text_format)
    files = train_command.Files(data, test, model, report, config, names)
    request = train_command.Request(files, target, reading, training, said, context.obj)
    if train_command.run(request, as_json=as_json):
        raise typer.Exit(INTERRUPTED)


@app.command(epilog=_examples("logitwise evaluate flowers.safetensors more-flowers.csv"))
def evaluate(
    context: typer.Context,
    model: ModelFile,
    data: Data,
    target: Target = None,
    label_strip: LabelStrip = None,
    drop_unlabelled: DropUnlabelled = False,
    header: Header = None,
    names: Names = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    na_values: NaValues = None,
    quotes: Quotes = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a model on rows with labels.

    The target column, and the characters to strip from labels, are those of training unless they are given. Where DATA
    has a test set of its own, the model is measured on that.
    """
    with phase("Starting"):
        from logitwise.cli import results
        from logitwise.cli.names import naming_rows
        from logitwise.cli.sources import MeasuringOptions, TextFormat, read_names, read_to_measure
        from logitwise.cli.standard_input import received
        from logitwise.evidence.measured import measure
        from logitwise.evidence.record import Record

    data = received(data, context)
    with phase(f"Reading {Path(data).name}"):
        loaded = _load(model)
        text_format = TextFormat.typed(separator, encoding, decimal, na_values, quotes)
        asked = MeasuringOptions(target, label_strip, drop_unlabelled, header, read_names(names), text_format)
        rows = read_to_measure(data, loaded, asked)
    with naming_rows("DATA"), phase(f"Measuring on {counted(len(rows.labels), 'row')}") as progress:
        measured = measure(loaded, rows, rows.where, Record.of(loaded).class_counts, progress)
    results.say_unknown(measured.unknown, "DATA")
    results.show_measured(loaded, measured, {"model": model, "data": data}, as_json=as_json)
    if not as_json:
        results.show_verdict(loaded)


@app.command(epilog=_examples("logitwise predict flowers.safetensors new-flowers.csv -o predictions.csv"))
def predict(
    context: typer.Context,
    model: ModelFile,
    data: Data,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="A .csv or .parquet file; by default CSV on standard output."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of DATA to write before the predictions, as it is. Repeatable."),
    ] = None,
    header: Header = None,
    names: Names = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    na_values: NaValues = None,
    quotes: Quotes = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict classes and their probabilities.

    One row is written for each row of DATA: the class, and the probability of each class; before them the columns of
    --keep, such as an identifier.

    Columns are matched by name, in any order; the target is not needed. A missing column is an error; one not seen in
    training is ignored, with a note. Columns have the types they had in training: a numeric column must hold numbers,
    and values of a categorical column that the model does not know are counted and treated as missing.

    Files are read and predicted in parts, so they may be larger than memory. Where DATA has a test set of its own, that
    is predicted. Numbers are written in full: read back, they are the same to the last bit.
    """
    with phase("Starting"):
        from logitwise.cli import predictions, results
        from logitwise.cli.sources import PredictingOptions, TextFormat, read_names, read_to_predict
        from logitwise.cli.standard_input import received

    data = received(data, context)
    path = None if output is None else predictions.prediction_path(output, _files(model, data, names))
    written = predictions.Written()
    with phase(f"Reading {Path(data).name}"):
        loaded = _load(model)
        text_format = TextFormat.typed(separator, encoding, decimal, na_values, quotes)
        rows = read_to_predict(
            data, loaded, PredictingOptions(header, read_names(names), text_format, tuple(keep or ()))
        )
    batches = map(written.count, predictions.predict(loaded, rows))
    if path is not None:
        predictions.write(loaded, batches, path)
        say(f"Wrote {output} ({counted(written.rows, 'row')}).")
        if as_json:
            results.print_json({"rows": written.rows, "classes": loaded.classes.tolist(), "output": output})
    elif as_json:
        results.print_json(predictions.as_json(loaded, batches))
    else:
        predictions.write_to_standard_output(loaded, batches)
    written.note()


@app.command(epilog=_examples("logitwise report flowers.safetensors more-flowers.csv -o flowers.html"))
def report(
    context: typer.Context,
    model: ModelFile,
    data: Data,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="The page to write; by default the name of MODEL with .html."
        ),
    ] = None,
    target: Target = None,
    label_strip: LabelStrip = None,
    drop_unlabelled: DropUnlabelled = False,
    header: Header = None,
    names: Names = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    na_values: NaValues = None,
    quotes: Quotes = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a page that shows whether a model can be trusted.

    One self-contained HTML file: the measures beside the baselines, whether the probabilities are calibrated, which
    classes are confused, and the rows the model is most confidently wrong about. Rows and labels are read as by
    `evaluate`.
    """
    with phase("Starting"):
        from logitwise.cli import pages, results
        from logitwise.cli.predictions import writable
        from logitwise.cli.sources import MeasuringOptions, TextFormat, data_name, read_names, read_to_measure
        from logitwise.cli.standard_input import received

    data = received(data, context)
    output = f"{Path(model).stem}.html" if output is None else output
    read = _files(model, data, names)
    path = writable(output, "--output", read)
    with phase(f"Reading {Path(data).name}"):
        loaded = _load(model)
        text_format = TextFormat.typed(separator, encoding, decimal, na_values, quotes)
        asked = MeasuringOptions(target, label_strip, drop_unlabelled, header, read_names(names), text_format)
        rows = read_to_measure(data, loaded, asked)
    is_whole = rows.name == data_name(data)  # and not the test set that it brings
    source = pages.Source(rows, "DATA", rows.where, read, file=data if is_whole else None)
    pages.write_page(pages.report(loaded, source, Path(model).stem, context.obj), path, "--output")
    say(f"Wrote {output} ({results.file_size(path)}).")
    if as_json:
        results.print_json({"model": model, "data": data, "rows": len(rows.labels), "report": output})


@app.command(name="export", epilog=_examples("logitwise export flowers.safetensors flowers.onnx"))
def export(
    model: ModelFile,
    output: Annotated[str, typer.Argument(metavar="FILE", help="The .onnx file to write.")],
    quiet: Quiet = False,
) -> None:
    """Write a model as an ONNX graph, for other runtimes.

    The graph takes one input per column, of shape (rows, 1): doubles for numbers (NaN where missing), strings for
    categories (empty where missing); or one matrix X of doubles where the columns have no names and are all numbers. It
    returns `label` and `probabilities`.
    """
    from logitwise.cli import predictions, results
    from logitwise.model.onnx_file import export_onnx

    if not output.endswith(".onnx"):
        raise InvalidValueError("FILE", "end in .onnx", repr(output))
    path = predictions.writable(output, "FILE", [model])
    loaded = _load(model)
    export_onnx(loaded, path)
    say(f"Wrote {output} ({results.file_size(path)}).")


@app.command(epilog=_examples("logitwise info digits.safetensors"))
def info(model: ModelFile, as_json: Json = False, quiet: Quiet = False) -> None:
    """Show what a model is and how good it is."""
    from logitwise.cli import results

    results.show_model(_load(model), Path(model), as_json=as_json)


@app.command(
    epilog=_examples(
        "logitwise explain 2.0 1.0 0.1 --target 0",
        "logitwise explain 2.0 -1.0 0.1 --names cat,dog,bird --target cat",
        "logitwise explain 2.0 1.0 0.1 --html explain.html",
    ),
    context_settings={"ignore_unknown_options": True},  # -1 is a number; what is no number is refused by _numbers
)
def explain(
    context: typer.Context,
    logits: Annotated[list[str], typer.Argument(metavar="LOGITS", help="The scores of one row, one per class.")],
    target: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="The right class, counted from 0, or its name: explains the loss too."),
    ] = None,
    temperature: Annotated[
        float, typer.Option(metavar="T", parser=number, help="What the scores are divided by.")
    ] = 1.0,
    names: Annotated[str | None, typer.Option(metavar="NAMES", help="One name per class, separated by commas.")] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="An HTML page to write, with sliders that change the numbers.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what softmax and cross-entropy do to scores.

    Step by step: shifted scores, exponentials, probabilities; with --target also the loss and its gradient; and what a
    temperature does to them. --html writes a page on which all numbers follow as you drag.
    """
    from logitwise import explain as explanation
    from logitwise.cli import pages, results
    from logitwise.cli.predictions import writable

    path = None if html is None else writable(html, "--html", [])
    scores = _numbers(logits, context)
    classes = None if names is None else names.split(",")
    right = None if target is None else class_place(target, classes or [])
    with naming({"logits": "LOGITS", "target": "--target", "temperature": "--temperature", "names": "--names"}):
        seen = explanation.explain(scores, right, temperature, names=classes)
    if path is not None:
        pages.write_page(explanation.to_html(seen), path, "--html")
        say(f"Wrote {html} ({results.file_size(path)}).")
    if as_json:
        results.print_json(seen.as_dict())
    elif path is None:
        results.show_explanation(explanation.to_text(seen))


@app.command("warm-up", epilog=_examples("logitwise warm-up"))
def warm_up(quiet: Quiet = False) -> None:
    """Compile the functions before they are first used.

    Each is compiled when it is first called, which takes some seconds, once per installation. This takes a minute or
    two, and no time where everything is compiled already.
    """
    from logitwise.warm_up import warm_up as compile_all

    compile_all(say)


def _numbers(words: Sequence[str], context: typer.Context) -> list[float]:
    for word in words:
        if word.startswith("-") and not is_number(word):
            known = [name for option in context.command.params for name in option.opts]
            near = nearest(word, known)
            context.fail(f"No such option: {word}" + ("" if near is None else f". Did you mean {near}?"))
        if not is_number(word):
            advice = f"Put spaces between them: {word.replace(',', ' ')}" if "," in word else ""
            raise InvalidValueError("LOGITS", "be numbers", repr(word), advice=advice)
    return [float(word) for word in words]


def _files(*names: str | None) -> list[str]:
    return [name for name in names if name is not None]


def _load(path: str) -> Model:
    from logitwise.model.model import load

    with naming({"path": "MODEL"}):
        return load(path)

"""The commands: each parses its arguments, calls the library, and prints.

Torch and scikit-learn are imported only to train, and to read the data sets scikit-learn brings.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from logitwise import __version__
from logitwise.cli.door import Door, naming, say

if TYPE_CHECKING:
    from logitwise.classifier.model import Model

app = typer.Typer(
    cls=Door,
    help="Train classifiers on tables, arrays and small images, and get probabilities from them.",
    epilog="Example: logitwise train digits --model digits.safetensors",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A file, a folder, or one of digits, iris, wine, breast_cancer.")
]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A model file that `logitwise train` wrote.")]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column to predict: its name, or its position (-1: the last).")
]
LabelStrip = Annotated[str | None, typer.Option(metavar="CHARS", help="Characters to strip from the ends of labels.")]
DropUnlabelled = Annotated[bool, typer.Option("--drop-unlabelled", help="Leave out the rows whose label is missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, for machines.")]


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Show the version, where it is asked for; the commands come after."""
    if version:
        typer.echo(f"logitwise {__version__}")
        raise typer.Exit


@app.command(epilog="Example: logitwise train adult-train.csv --target -1 --test adult-test.csv --label-strip .")
def train(
    data: Data,
    target: Target = None,
    test: Annotated[str | None, typer.Option(metavar="FILE", help="Rows to measure on, in the form of DATA.")] = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="SIZES", help="Hidden layer sizes, as in 256,256; '' for none.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many passes over the rows.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest learning rate.")] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The model file to write; else the name of DATA, with .safetensors."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="What decides all chance; one seed, one result.")
    ] = None,
    label_strip: LabelStrip = None,
    drop_unlabelled: DropUnlabelled = False,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first line of DATA names its columns.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="The torch device to train on, such as cpu or cuda.")] = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages and no progress bar.")] = False,
) -> None:
    """Train a classifier, measure it, and save it.

    The rows measured on are those of --test; else the test part that DATA brings along; else a fifth of DATA, chosen
    by the seed, each class in its share. Training never uses them, and the model saved is the one measured.
    """
    from logitwise.cli import results, training
    from logitwise.cli.predictions import writable
    from logitwise.cli.sources import Form, data_name, part, read_to_train

    started = time.perf_counter()
    model = f"{Path(data_name(data).removesuffix('.gz')).stem}.safetensors" if model is None else model
    path = writable(model, "--model", [data] if test is None else [data, test])
    options = {"epochs": epochs, "learning_rate": learning_rate, "random_state": seed, "device": device}
    options["hidden"] = None if hidden is None else training.hidden_sizes(hidden)
    form = Form(header, label_strip or "", drop_unlabelled)
    rows, test_part = read_to_train(data, target, test, form)
    classifier = training.make_classifier(options, verbose=not quiet)
    parts = part(rows, test_part, test, classifier.random_state)
    say(results.training_sentence(parts.trained_on), quiet=quiet)
    trained, measured = training.train(classifier, parts, form)
    with naming({"path": "--model"}):
        trained.save(path)
    say(f"Saved {model} ({results.file_size(path)}) after {time.perf_counter() - started:.1f} s.", quiet=quiet)
    known = {"model": model, "rows": len(parts.trained_on.labels), "classes": trained.classes.tolist()}
    results.show_measured(measured, known, as_json=as_json)


@app.command(epilog="Example: logitwise evaluate adult-train.safetensors adult-test.csv --label-strip .")
def evaluate(
    model: ModelFile,
    data: Data,
    target: Target = None,
    label_strip: LabelStrip = None,
    drop_unlabelled: DropUnlabelled = False,
    as_json: Json = False,
) -> None:
    """Measure a model on rows with labels.

    The target column, and what to strip from labels, are those of training where they are not given. Of a source that
    brings a test part along, that part is measured.
    """
    from logitwise.cli import results, training
    from logitwise.cli.record import Record
    from logitwise.cli.sources import Form, read_to_measure

    loaded = _load(model)
    record = Record.of(loaded)
    form = Form(record.has_header, record.label_strip if label_strip is None else label_strip, drop_unlabelled)
    rows = read_to_measure(data, loaded, target, form)
    where = f"the {len(rows.labels):,} rows of {rows.name}"
    measured = training.measure(loaded, rows, "DATA", where, record.class_counts)
    results.show_measured(measured, {"model": model, "data": data}, as_json=as_json)


@app.command(epilog="Example: logitwise predict adult-train.safetensors new-rows.csv -o predictions.csv")
def predict(
    model: ModelFile,
    data: Data,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="A .csv or .parquet file; else standard output, as CSV."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict classes and their probabilities.

    One row is written for each row of DATA: the class, and the probability of each class.

    Columns are matched by name, the target is not needed, and columns that training did not have are ignored. Of a
    source that brings a test part along, that part is predicted. Numbers are written in full: read back, they are the
    same to the last bit.
    """
    from logitwise.cli import predictions, results
    from logitwise.cli.sources import read_to_predict

    path = None if output is None else predictions.prediction_path(output, [model, data])
    loaded = _load(model)
    features = read_to_predict(data, loaded)
    with naming({"X": "DATA"}):
        table = predictions.prediction_table(loaded.predict(features), loaded.predict_proba(features), loaded.classes)
    if path is not None:
        predictions.write(table, path)
        say(f"Wrote {output} ({table.height:,} rows).")
    if as_json:
        results.print_json(predictions.as_json(table, loaded.classes, output))
    elif path is None:
        predictions.write_to_standard_output(table)


@app.command(epilog="Example: logitwise info digits.safetensors")
def info(model: ModelFile, as_json: Json = False) -> None:
    """Show what a model is and how good it is."""
    from logitwise.cli import results

    results.show_model(_load(model), Path(model), as_json=as_json)


def _load(path: str) -> Model:
    from logitwise.classifier.model import load

    with naming({"path": "MODEL"}):
        return load(path)

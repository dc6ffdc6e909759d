"""The arguments and options of the commands: how each is typed, and its help."""

from __future__ import annotations

from typing import Annotated

import typer

from logitwise.cli.config import show_config, use_config
from logitwise.cli.door import hush
from logitwise.cli.typed import integer, number, seed_number

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="A file, a folder, - for standard input, or one of digits, iris, wine, breast_cancer."
    ),
]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A model file that `logitwise train` wrote.")]
Target = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column to predict: its name, or its position (-1: the last).")
]
LabelStrip = Annotated[str | None, typer.Option(metavar="CHARS", help="Characters to strip from the ends of labels.")]
DropUnlabelled = Annotated[bool, typer.Option("--drop-unlabelled", help="Leave out the rows whose label is missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, for machines.")]
Quiet = Annotated[bool, typer.Option("--quiet", callback=hush, help="No messages and no progress bar.")]

Test = Annotated[str | None, typer.Option(metavar="FILE", help="Rows to measure on, in the same format as DATA.")]
Hidden = Annotated[str | None, typer.Option(metavar="SIZES", help="Hidden layer sizes, as in 256,256; '' for none.")]
Epochs = Annotated[
    int | None, typer.Option(metavar="N", parser=integer, help="The largest number of passes over the rows.")
]
LearningRate = Annotated[float | None, typer.Option(metavar="RATE", parser=number, help="The highest learning rate.")]
NewModel = Annotated[
    str | None,
    typer.Option(
        "-o", "--model", metavar="FILE", help="The model file to write; by default the name of DATA with .safetensors."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N", parser=seed_number, help="The seed of all random choices: the same seed gives the same result."
    ),
]
Header = Annotated[
    bool | None, typer.Option("--header/--no-header", help="Whether the first line of DATA names its columns.")
]
Names = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A file of the names of DATA's columns, where DATA has no header: one per line, or all in its first line.",
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(metavar="CHAR", help="What separates the fields of DATA: a character, or tab, or space (any number)."),
]
Encoding = Annotated[str | None, typer.Option(metavar="NAME", help="The encoding of DATA, such as cp1252 or latin-1.")]
Decimal = Annotated[
    str | None, typer.Option(metavar="CHAR", help="The decimal sign of numbers in DATA: a point, or a comma.")
]
NaValues = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Fields of DATA that are missing, separated by commas, in place of NA, ? and the like; '' for none.",
    ),
]
Quotes = Annotated[
    bool | None, typer.Option("--quotes/--no-quotes", help="Whether double quotes go around fields of DATA.")
]
Device = Annotated[str | None, typer.Option(metavar="NAME", help="The torch device to train on, such as cpu or cuda.")]
Page = Annotated[
    str | None, typer.Option(metavar="FILE", help="An HTML page to write that shows how good the model is.")
]
Config = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        is_eager=True,
        callback=use_config,
        help="A TOML file of options; those on the command line take precedence.",
    ),
]
ShowConfig = Annotated[
    bool,
    typer.Option(
        "--show-config",
        is_eager=True,
        callback=show_config,
        help="Print every option with its default, ready to edit for --config, and exit.",
    ),
]
NumberColumn = Annotated[
    list[str] | None,
    typer.Option("--number", metavar="COLUMN", help="A column of numbers; what is none there is missing. Repeatable."),
]
CategoryColumn = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="COLUMN", help="A column of categories, though they are numbers. Repeatable."),
]
DateColumn = Annotated[
    list[str] | None,
    typer.Option(
        "--date", metavar="COLUMN", help="A column of dates, perhaps with their format: 'day:%d/%m/%Y'. Repeatable."
    ),
]
DroppedColumn = Annotated[
    list[str] | None, typer.Option("--drop", metavar="COLUMN", help="A column to leave out. Repeatable.")
]

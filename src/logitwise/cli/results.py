"""What the commands print: tables for people, one JSON object for machines."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Column, Table

from logitwise._display import LONGEST_NAME, printable
from logitwise._listing import listed
from logitwise.cli.door import say
from logitwise.cli.names import WORDING
from logitwise.columns.deciding import Finding
from logitwise.columns.reading import NUMBER
from logitwise.evidence.notes import columns_of, notes_of, verdict_of
from logitwise.evidence.record import MEASURES, Record
from logitwise.evidence.rows import LabelledRows
from logitwise.model.data_warnings import values_unknown
from logitwise.model.model import Model

if TYPE_CHECKING:
    from logitwise.evidence.measured import Measured

SHOWN = 10
WIDEST = 1_000_000
READABLE = 100
MOST = 30  # columns that are shown


def print_json(result: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))


def training_sentence(rows: LabelledRows) -> str:
    """Return what there is to train on: rows, features, classes."""
    counts = rows.label_counts
    classes = _listed_classes(list(counts), list(counts.values()))
    return (
        f"Training on {len(rows.labels):,} rows of {rows.name}: {rows.n_features:,} features, "
        f"{len(counts)} classes: {classes}."
    )


def columns_table(findings: Sequence[Finding]) -> str:
    """Return what columns were taken for, a line each; of many, those first that are not plain numbers."""
    told = list(findings)
    if len(told) > MOST:
        told.sort(key=lambda each: each.taken_for == NUMBER and not each.strays)
    table = Table("column", "taken for", Column("missing", justify="right"), "for instance", box=SIMPLE_HEAD)
    for each in told[:MOST]:
        column, example = (printable(text, LONGEST_NAME) for text in (str(each.column), each.example))
        table.add_row(column, each.taken_for, f"{each.missing + each.strays:,}", example)
    rest = Counter(each.kind for each in told[MOST:])
    more = ", ".join(f"{count:,} {kind}" for kind, count in rest.items())
    return _as_text(table) + (f"\n... and {more}" if rest else "")


def interrupted_sentence(model: Model) -> str:
    """Return what Ctrl-C has left."""
    best, last = model.metadata["best_step"], model.metadata["history"]["step"][-1]
    return f"logitwise: interrupted by Ctrl-C after step {last}; the model is that of step {best}, the best so far."


def say_unknown(counts: Mapping[str, int], argument: str) -> None:
    """Print which columns of an argument hold values that the model does not know, given how many each has."""
    found = values_unknown(counts)
    if found:
        say(f"logitwise: note: {argument} has {found}.")


def show_measured(model: Model, measured: Measured, known: dict[str, Any], *, as_json: bool) -> None:
    """Print how good a model is, beside the baseline, and whether to trust it.

    A program gets what training says of the data as well: people have it from messages, which it may have turned off.
    """
    if as_json:
        said = {"in_training": verdict_of(model, WORDING), "notes": notes_of(model, WORDING)}
        print_json({**known, "metrics": measured.as_json(), "verdict": measured.verdict, **said})
        return
    _print(f"Measured on {measured.where}:")
    _print(_measures_table(measured.as_json()))
    _print(measured.verdict)


def show_verdict(model: Model) -> None:
    """Print how the model compared with simpler ones in training, and what training found in the data."""
    verdict = verdict_of(model, WORDING)
    known = [] if verdict is None else [f"In training: {verdict}"]
    for sentence in [*known, *(f"Seen in training: {note}" for note in notes_of(model, WORDING))]:
        typer.echo()
        _print(sentence)


def _measures_table(measured: dict[str, Any]) -> Table:
    """Return the measures as `Measured.as_json` has them."""
    intervals, baseline = measured.get("intervals", {}), measured["baseline"]
    table = Table("", Column("model", justify="right"), box=SIMPLE_HEAD)
    if intervals:
        table.add_column("95% interval", justify="right")
    if baseline is not None:
        table.add_column("class frequencies", justify="right")
    for name, label in MEASURES.items():
        cells = [_digits(measured["model"][name])]
        if intervals:
            cells.append(_range(intervals.get(name)) or _range(intervals.get(f"{name}_by_chance"), " by chance"))
        if baseline is not None:
            cells.append(_digits(baseline[name]))
        table.add_row(label, *cells)
    return table


def _digits(value: float | None) -> str:
    return "inf" if value is None else f"{value:.4f}"


def _range(ends: list[float] | None, more: str = "") -> str:
    return "" if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}{more}"


def show_model(model: Model, path: Path, *, as_json: bool) -> None:
    """Print what is known of a model."""
    record = Record.of(model)
    if as_json:
        columns = {
            "n_features": model.n_features,
            "feature_names": model.feature_names,
            "classes": model.classes.tolist(),
        }
        print_json({"model": str(path), "bytes": path.stat().st_size, **columns, "metadata": model.metadata})
        return
    _print(_facts_table(model, record, path))
    findings = columns_of(model)
    if findings:
        typer.echo(f"\nIts columns, in all rows of the data:\n{columns_table(findings)}")
    if record.metrics is not None:
        typer.echo()
        _print(f"Measured on {record.metrics['where']}:")
        _print(_measures_table(record.metrics))
    show_verdict(model)


def _facts_table(model: Model, record: Record, path: Path) -> Table:
    inputs, _, *units = map(str, model.network.widths)
    facts = {
        "model": f"{path} ({file_size(path)})",
        "trained on": None if record.rows is None else f"{record.rows:,} rows of {record.data}",
        "trained at": model.metadata.get("trained_at"),
        "SHA-256 of the data": record.data_sha256,
        "target": record.target_name,
        "features": _listed_features(model),
        "classes": _listed_classes(model.classes.tolist(), record.class_counts),
        "layers": f"{model.network.members} members of {inputs} inputs, then {', '.join(units)} units",
        "best step": model.metadata.get("best_step"),
        "options": _pairs(model.metadata.get("options")),
        "versions": _pairs(model.metadata.get("versions")),
    }
    table = Table(box=None, show_header=False)
    for name, value in facts.items():
        if value is not None:
            table.add_row(name, str(value))
    return table


def _pairs(values: Any) -> str | None:
    if not isinstance(values, dict):
        return None
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _listed_features(model: Model) -> str:
    names = model.feature_names
    if names is None:
        return f"{model.n_features:,}, by position"
    return f"{len(names):,}: {listed(names, SHOWN)}"


def show_explanation(text: RenderableType) -> None:
    """Print an explanation: its sentences wrap, at the width of the terminal or at a readable one."""
    _print(text, READABLE)


def _print(text: RenderableType, width_elsewhere: int = WIDEST) -> None:
    typer.echo(_as_text(text, width_elsewhere))


def _as_text(text: RenderableType, width_elsewhere: int = WIDEST) -> str:
    # A file or a pipe has no width to wrap at. No markup: names with brackets are names.
    width = None if sys.stdout.isatty() else width_elsewhere
    console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(text)
    lines = (line.rstrip() for line in captured.get().splitlines())
    return "\n".join(lines).strip("\n")


def _listed_classes(labels: list[Any], counts: list[int] | None) -> str:
    counts_shown = [""] * len(labels) if counts is None else [f" ({count:,})" for count in counts]
    names = [f"{label}{count}" for label, count in zip(labels, counts_shown, strict=True)]
    return listed(names, SHOWN)


def file_size(path: Path) -> str:
    """Return the size of a file in the unit that suits it."""
    n_bytes = path.stat().st_size
    return f"{n_bytes / 1e3:.1f} kB" if n_bytes < 1e6 else f"{n_bytes / 1e6:.1f} MB"

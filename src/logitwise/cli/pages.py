"""Pages: the report of a model, written whole or not at all, and the digests that make it repeatable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from logitwise._errors import naming
from logitwise._notice import phase
from logitwise.cli.names import WORDING, naming_rows
from logitwise.cli.sources import data_name
from logitwise.data.digest import source_sha256
from logitwise.evidence.gathering import gather
from logitwise.evidence.record import Record
from logitwise.evidence.rows import LabelledRows
from logitwise.model.file import write_whole
from logitwise.model.model import Model
from logitwise.report_page import render

TRAINED_ON = "The model was trained on rows of this file, so that all figures look better than they are."


@dataclass(frozen=True)
class Source:
    """Rows to report on: what to call them in a message, what they are in words, and the files that were read.

    `trained_on` are the rows of training, where they are at hand; `file` is the one that the rows are all of.
    """

    rows: LabelledRows
    argument: str
    where: str
    read: Sequence[str]
    trained_on: LabelledRows | None = None
    file: str | None = None


def report(model: Model, source: Source, title: str, command: str) -> str:
    """Return the page that shows whether a model can be trusted, with the SHA-256 of each file it comes from."""
    with naming_rows(source.argument), phase("Making the report"):
        evidence = gather(
            model,
            source.rows,
            where=source.where,
            title=title,
            command=command,
            facts=_digests(source.read),
            trained_on=source.trained_on,
            wording=WORDING,
            phase=phase,
        )
        if _is_of_training(model, source.file):
            evidence = replace(evidence, notes=[TRAINED_ON, *evidence.notes])
        return render(evidence)


def _is_of_training(model: Model, file: str | None) -> bool:
    digest = Record.of(model).data_sha256
    return file is not None and digest is not None and digest == source_sha256(file)


def _digests(read: Sequence[str]) -> dict[str, str]:
    found = {f"SHA-256 of {data_name(source)}": source_sha256(source) for source in read}
    return {name: digest for name, digest in found.items() if digest is not None}


def write_page(page: str, path: Path, argument: str) -> None:
    """Write a page to the file that an argument names."""
    with naming({"path": argument}):
        write_whole(path, page.encode())

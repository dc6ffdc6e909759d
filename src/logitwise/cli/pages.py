"""Pages: the report of a model, written whole or not at all, and the fingerprints that make it repeatable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logitwise.cli.evidence import gather
from logitwise.cli.parts import unsaid
from logitwise.cli.sources import Labelled, data_name
from logitwise.data.digest import source_sha256
from logitwise.model.file import replacing
from logitwise.model.model import Model
from logitwise.report_page import render


@dataclass(frozen=True)
class Source:
    """Rows to report on: what to call them in a message, what they are in words, and the files that were read.

    `trained_on` are the rows of training, where they are at hand.
    """

    rows: Labelled
    argument: str
    where: str
    read: Sequence[str]
    trained_on: Labelled | None = None


def report(model: Model, source: Source, title: str, command: str) -> str:
    """Return the page that shows whether a model can be trusted, with the fingerprints of the files it comes from."""
    with unsaid():  # the page itself says it
        evidence = gather(
            model,
            source.rows,
            argument=source.argument,
            where=source.where,
            title=title,
            command=command,
            facts=_fingerprints(source.read),
            trained_on=source.trained_on,
        )
    return render(evidence)


def _fingerprints(read: Sequence[str]) -> dict[str, str]:
    found = {f"SHA-256 of {data_name(source)}": source_sha256(source) for source in read}
    return {name: digest for name, digest in found.items() if digest is not None}


def write_page(page: str, path: Path) -> None:
    """Write a page to a file."""
    with replacing(path) as file:
        file.write(page.encode())

"""Fixtures of the command line's tests: commands run in this process, small files, and one small model of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.made_fruit import SMALL, made_rows, write_csv
from logitwise.cli.commands import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[..., Result]:
    """Return what runs a command in the working directory and gives its result."""
    return lambda *args: CliRunner().invoke(app, list(map(str, args)), prog_name="logitwise", catch_exceptions=False)


@pytest.fixture(scope="session")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with fruit.csv (120 rows), more.csv (60 others) and fruit.safetensors, trained on the first."""
    place = tmp_path_factory.mktemp("fruit")
    table = write_csv(place / "fruit.csv", made_rows(120, seed=1))
    write_csv(place / "more.csv", made_rows(60, seed=2))
    args = ["train", str(table), "--target", "label", "--model", str(place / "fruit.safetensors"), *SMALL]
    result = CliRunner().invoke(app, args, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return place

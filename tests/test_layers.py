"""The house rules: who may import whom, which files may import torch, and which names no module may have."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "logitwise"
FILES = sorted(PACKAGE.rglob("*.py"))

# What each part may import of ours, besides itself. A part without a line here fails: write its rule first.
MAY_IMPORT = {
    "__init__": {
        "_errors",
        "_warnings",
        "calibration",
        "classifier",
        "data",
        "diagnosis",
        "evidence",
        "functional",
        "metrics",
        "model",
        "nn",
        "reference",
    },
    "__main__": {"cli"},
    "cli": {"__init__", "_errors", "_listing", "classifier", "data", "evidence", "explain", "model", "report_page"},
    "evidence": {"_errors", "_listing", "_warnings", "classifier", "data", "metrics", "model", "report_page"},
    "explain": {"_errors", "_requirements", "functional"},
    "report_page": {"_decision", "_errors", "metrics"},
    "classifier": {
        "__init__",
        "_decision",
        "_errors",
        "_listing",
        "_requirements",
        "_warnings",
        "functional",
        "metrics",
        "model",
        "reference",
    },
    "model": {"_decision", "_errors", "_listing", "_warnings", "reference"},
    "calibration": {"classifier", "model"},
    "metrics": {"_errors", "_requirements", "_warnings", "functional"},
    "data": {"_errors", "_listing"},
    "nn": {"_errors", "functional"},
    "diagnosis": {"_arrays", "_errors", "_warnings", "functional"},
    "functional": {"_arrays", "_errors", "_requirements", "_warnings", "kernels", "reference"},
    "_requirements": {"_arrays", "_errors"},
    "_warnings": {"_errors"},
    "_errors": set(),
    "_arrays": set(),
    "_decision": set(),
    "_listing": set(),
    "reference": set(),
    "kernels": set(),
}
MAY_IMPORT_TORCH = {
    "functional/_autograd.py",
    "functional/_torch_definitions.py",
    "nn.py",
    "diagnosis.py",
    "classifier/adamw.py",
    "classifier/estimator.py",
    "classifier/members.py",
    "classifier/options.py",
    "classifier/training.py",
}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc"}


def imported_names(file: Path) -> set[str]:
    """Return the absolute dotted names a file imports, at the top or inside functions; `from a import b` gives a.b."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}:{node.lineno} imports relatively; name the package"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(name: str) -> str:
    """Return the part of the house a dotted name lives in: 'logitwise.nn.Softmax' is of `nn`."""
    part = [*name.split("."), "__init__"][1]
    is_module = (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()
    return part if is_module else "__init__"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_what_its_part_of_the_house_may(file):
    path = file.relative_to(PACKAGE)
    own = path.parts[0].removesuffix(".py")
    imported = imported_names(file)
    parts = {part_of(name) for name in imported if name.split(".")[0] == "logitwise"} - {own}
    assert own in MAY_IMPORT, f"{own} has no rule: say in MAY_IMPORT what it may import"
    assert parts <= MAY_IMPORT[own], f"{path} must not import {sorted(parts - MAY_IMPORT[own])}"
    if any(name.split(".")[0] == "torch" for name in imported):
        assert path.as_posix() in MAY_IMPORT_TORCH, f"{path} must not import torch"
    assert path.stem.strip("_") not in VAGUE_NAMES, f"{path} must have a noun of its own for a name"


def test_the_rules_cover_the_package():
    assert {"__init__.py", "nn.py", "functional/cross_entropy.py"} <= {f.relative_to(PACKAGE).as_posix() for f in FILES}
    assert not {part for allowed in MAY_IMPORT.values() for part in allowed} - set(MAY_IMPORT)

"""What `import logitwise` loads, and the names it gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import logitwise as lw

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAVY = {"torch", "numba", "sklearn", "scipy", "polars", "pandas", "matplotlib", "typer", "rich", "safetensors"}


def modules_after(code: str) -> set[str]:
    """Return the top-level packages a fresh interpreter has loaded after running `code`."""
    report = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def test_importing_loads_numpy_alone_at_most():
    assert modules_after("import logitwise") & HEAVY == set()


@pytest.mark.parametrize("call", ["lw.softmax([2.0, 1.0])", "lw.cross_entropy([[2.0, 1.0]], [0])", "lw.sigmoid(0.0)"])
def test_functions_of_arrays_never_import_a_framework(call):
    loaded = modules_after(f"import logitwise as lw\n{call}")
    assert loaded & {"numpy", "torch", "sklearn", "polars", "pandas"} == {"numpy"}


@pytest.mark.parametrize("name", lw.__all__)
def test_every_public_name_resolves_and_is_listed(name):
    value = getattr(lw, name)
    assert vars(lw)[name] is value
    assert name in dir(lw)


def error_classes(known: type = lw.InvalidArgumentError) -> set[type]:
    return {known}.union(*map(error_classes, known.__subclasses__()))


def test_every_error_class_has_its_public_place_and_is_documented():
    """Those of a room of its own, as `logitwise.data.DataError`, are documented there."""
    for name in lw.__all__:
        getattr(lw, name)
    docs = " ".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md"))
    for each in error_classes():
        module = sys.modules[each.__module__]
        assert module.__name__ in ("logitwise", "logitwise.data", "logitwise.nn"), each
        assert getattr(module, each.__name__) is each
        assert each.__module__ != "logitwise" or each.__name__ in lw.__all__
        assert each.__name__ in docs or "::: logitwise.nn" in docs


def test_functions_and_classes_know_their_own_names():
    named = {name: getattr(lw, name).__name__ for name in lw.__all__ if callable(getattr(lw, name))}
    assert named == {name: name for name in named}
    assert {"softmax", "cross_entropy", "Classifier", "load"} <= set(named)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'logitwise' has no attribute 'softmin'$"):
        lw.softmin  # noqa: B018


def test_public_names_are_listed_once():
    assert sorted(set(lw.__all__)) == sorted(lw.__all__)

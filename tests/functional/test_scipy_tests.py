"""SciPy's own tests of softmax, log_softmax and logsumexp, run with our functions in the place of SciPy's."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import logitwise as lw
from differences import SCIPY

NAME = "scipy.special.tests.test_logsumexp"
CLASSES = ("TestLogSumExp", "TestSoftmax", "TestLogSoftmax")  # the rest is about SciPy's own helper functions


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    return lw.logsumexp(a, axis, b=b, keepdims=keepdims, return_sign=return_sign)


def softmax(x, axis=None):
    return lw.softmax(x, axis)


def log_softmax(x, axis=None):
    return lw.log_softmax(x, axis)


OURS = {"logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax}


def module_with_ours(config: pytest.Config) -> ModuleType:
    """Return the module of SciPy's tests, loaded apart from SciPy's, with our functions."""
    spec = importlib.util.find_spec(NAME) if importlib.util.find_spec("scipy.special.tests") else None
    if spec is None or spec.loader is None:
        pytest.skip("SciPy was installed without its tests")
    for marker in ("xfail_xp_backends", "skip_xp_backends", "array_api_backends", "uses_xp_capabilities"):
        config.addinivalue_line("markers", f"{marker}: of SciPy's tests")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, function in OURS.items():
        assert hasattr(module, name)
        setattr(module, name, function)
    return module


def cases_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the name of each test, with its parameters, and the test itself."""
    from scipy._lib._array_api import np_compat

    fixtures = {"xp": np_compat, "devices": np_compat.__array_namespace_info__().devices()}
    for owner in CLASSES:
        instance = getattr(module, owner)()
        for name, test in inspect.getmembers(instance, inspect.ismethod):
            if name.startswith("test"):
                wanted = {key: fixtures[key] for key in fixtures if key in inspect.signature(test).parameters}
                for label, parameters in parameters_of(test):
                    yield f"{owner}.{name}{label}", partial(test, **parameters, **wanted)


def parameters_of(test: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    names = [[name.strip() for name in mark.args[0].split(",")] for mark in reversed(marks)]
    for values in itertools.product(*(list(mark.args[1]) for mark in reversed(marks))):
        parameters = {}
        for keys, value in zip(names, values, strict=True):
            parameters.update(zip(keys, value if len(keys) > 1 else (value,), strict=True))
        yield (f"[{'-'.join(map(str, parameters.values()))}]" if parameters else ""), parameters


def failure_of(test: Any) -> Exception | None:
    try:
        with np.errstate(all="ignore"):  # as SciPy's own run of them
            test()
    except Exception as error:
        return error
    return None


def test_scipys_tests_pass_except_for_those_listed(pytestconfig):
    failures, passed = {}, set()
    for name, test in cases_of(module_with_ours(pytestconfig)):
        error = failure_of(test)
        if error is None:
            passed.add(name)
        else:
            failures[name] = error
    accepted = [pattern for difference in SCIPY for pattern in difference.tests]

    def matching(pattern: str, names: Any) -> list[str]:
        return [name for name in names if fnmatchcase(name, pattern.replace("[", "[[]"))]

    unexpected = set(failures).difference(*(matching(pattern, failures) for pattern in accepted))
    assert not unexpected, "\n".join(f"{name}: {failures[name]!r}" for name in sorted(unexpected))
    assert not [pattern for pattern in accepted if not matching(pattern, failures)]
    assert not [name for pattern in accepted for name in matching(pattern, passed)]
    assert len(passed) >= 50

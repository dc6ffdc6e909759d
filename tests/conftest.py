"""Fixtures shared by the tests."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

FEW_CASES = 8  # of a test: all of them are in every sample
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
# Such variables are set by pytest, and by scikit-learn, torch and polars when they are first used.
NOT_OURS = ("PYTEST_", "KMP_", "TORCHINDUCTOR_", "_TORCHINDUCTOR_", "_RJEM_")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the order of the tests, and how many there are, as options."""
    parser.addoption("--order", metavar="ORDER", help="'reversed', or a number: the seed of a random order")
    parser.addoption("--sample", metavar="N", type=int, default=1, help="one of N cases of each test of many cases")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the sample of cases, in the order that was asked for, the same in every process of a run."""
    items[:] = _sample(items, config.getoption("--sample"))
    order = config.getoption("--order")
    if order == "reversed":
        items.reverse()
    elif order is not None:
        random.Random(int(order)).shuffle(items)


def _sample(items: list[pytest.Item], share: int) -> list[pytest.Item]:
    """Return all cases of tests of few cases, and of the others those whose name falls to the sample."""
    count = Counter(item.nodeid.partition("[")[0] for item in items)
    return [
        item
        for item in items
        if count[item.nodeid.partition("[")[0]] <= FEW_CASES or crc32(item.nodeid.encode()) % share == 0
    ]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data beside the project, or skip."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data, ../shared/data beside the project, is absent")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail the test that leaves a setting of the process changed, not the one that happens to run after it."""
    before, variables = _settings(), _variables()
    yield
    after = _settings()
    left = [f"{name} was {before[name]}, is {now}" for name, now in after.items() if before.get(name, now) != now]
    left += sorted({f"${name} was changed" for name, _ in variables.items() ^ _variables().items()})
    if left:
        pytest.fail(f"the test left something behind: {'; '.join(left)}", pytrace=False)


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}


def _settings() -> dict[str, Any]:
    """Return what a test must leave as it found it; what belongs to a module only once that is imported."""
    return {
        "the working directory": os.getcwd(),
        "the handler of Ctrl-C": signal.getsignal(signal.SIGINT),
        "numpy.errstate": np.geterr(),
        **_settings_of_ours(),
        **_settings_of_torch(),
    }


def _settings_of_ours() -> dict[str, Any]:
    door, mistakes, threads = (
        sys.modules.get(f"logitwise.{name}") for name in ("cli.door", "_warnings", "kernels.cpu.threads")
    )
    found = {
        "quiet": door is not None and door.is_quiet(),
        "logitwise.checks": "warn" if mistakes is None else mistakes.checks().mode,
    }
    return found if threads is None else found | {"logitwise.threads": threads.number_of_threads()}


def _settings_of_torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    is_there = torch is not None and hasattr(torch, "get_default_device")
    found = {
        "torch's default dtype": str(torch.get_default_dtype()) if is_there else "torch.float32",
        "torch's default device": str(torch.get_default_device()) if is_there else "cpu",
        "torch.is_grad_enabled": torch.is_grad_enabled() if is_there else True,
    }
    return found | {"torch's threads": torch.get_num_threads()} if is_there else found

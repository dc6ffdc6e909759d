"""What a first call compiles, what is kept of it, and who is told."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logitwise import _notice
from logitwise.kernels import compiler
from logitwise.kernels.cpu.compiled import compiled

SOURCE = Path(compiler.__file__).parents[2]
KERNEL = "from logitwise.kernels.cpu.compiled import compiled\n\n\n@compiled\ndef double(x):\n    return 2.0 * x\n"
CALL = "from made_kernel import double\nprint(double(21.0), sum(double.stats.cache_hits.values()))"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a folder with a module of one kernel, whose code is kept in its folder `cache`."""
    (tmp_path / "made_kernel.py").write_text(KERNEL, encoding="utf-8")
    (tmp_path / "cache").mkdir()
    return tmp_path


def started(folder: Path) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": f"{SOURCE}{os.pathsep}{folder}", "NUMBA_CACHE_DIR": str(folder / "cache")}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", CALL], env=environment, **pipes)


def called(folder: Path) -> tuple[str, str]:
    """Return what a process of its own prints: twice 21, how often it found the code; and its errors."""
    return started(folder).communicate(timeout=120)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def fill_with_noise(file: Path) -> None:
    file.write_bytes(b"\x93noise" * 200)


def make_older(file: Path) -> None:
    """Make an index that of another version of Numba; leave other files."""
    if file.suffix == ".nbi":
        file.write_bytes(pickle.dumps("0.1") + file.read_bytes())


def replace_by_folder(file: Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", [truncate, empty, fill_with_noise, make_older, replace_by_folder])
def test_a_broken_file_of_the_cache_costs_a_compilation_at_most(
    kept: Path, damage: Callable[[Path], None], suffix: str
):
    assert called(kept) == ("42.0 0\n", "")
    for file in list(kept.rglob(f"*{suffix}")):
        damage(file)
    is_whole = damage is make_older and suffix == ".nbc"
    assert called(kept) == (f"42.0 {int(is_whole)}\n", "")
    is_mended = damage is not replace_by_folder
    assert called(kept) == (f"42.0 {int(is_mended)}\n", "")


def test_processes_that_compile_at_once_do_not_disturb_each_other(kept: Path):
    processes = [started(kept) for _ in range(3)]
    assert [each.communicate(timeout=120)[0].split()[0] for each in processes] == ["42.0"] * 3
    assert called(kept) == ("42.0 1\n", "")


def test_code_of_another_version_is_not_used(kept: Path):
    assert called(kept) == ("42.0 0\n", "")
    with (kept / "made_kernel.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndouble_of_older_version = double\n")
    assert called(kept) == ("42.0 0\n", "")


@pytest.mark.parametrize("place", ["compiler.py", "cpu/rows.py"])
def test_every_file_of_kernels_belongs_to_their_version(tmp_path: Path, place: str):
    """The code of one file is linked into that of others, so that a change of either makes both another version."""
    for name in ("compiler.py", "cpu/rows.py", "cpu/softmax.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    before = compiler.stamp_of(tmp_path)
    assert compiler.stamp_of(tmp_path) == before
    (tmp_path / place).write_text("changed", encoding="utf-8")
    assert compiler.stamp_of(tmp_path) != before


@compiled
def _tripled(x):
    return 3.0 * x


def test_what_compiled_code_calls_is_linked_and_not_compiled_on_its_own():
    kernel = compiled(lambda x: _tripled(x) + 1.0)
    assert kernel(2.0) == 7.0
    assert (len(_tripled.part.signatures), len(_tripled.signatures)) == (1, 0)
    assert _tripled(2.0) == 6.0
    assert (len(_tripled.part.signatures), len(_tripled.signatures)) == (1, 1)


class Started:
    """A timer that keeps what it was started for."""

    def __init__(self, seconds: float, tell: Callable, arguments: tuple) -> None:
        self.tell = lambda: tell(*arguments)
        self.is_started = self.is_cancelled = False

    def start(self) -> None:
        self.is_started = True

    def cancel(self) -> None:
        self.is_cancelled = True


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """Return the timers that will be started."""
    made: list[Started] = []

    def make(*arguments: Any) -> Started:
        made.append(Started(*arguments))
        return made[-1]

    monkeypatch.setattr(_notice, "Timer", make)
    monkeypatch.setattr(_notice, "_was_said", False)
    return made


def be_terminal(monkeypatch: pytest.MonkeyPatch, is_terminal: bool = True) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)


def test_a_terminal_is_told_what_takes_its_time(timers, monkeypatch, capsys):
    be_terminal(monkeypatch)
    assert compiled(lambda x: x * 2.0)(1.0) == 2.0
    (timer,) = timers
    assert timer.is_started
    assert timer.is_cancelled
    assert capsys.readouterr().err == ""
    timer.tell()
    said = capsys.readouterr().err
    assert said.startswith("logitwise compiles test_first_call for float64, ")
    assert said.count("\n") == 1


def test_a_notice_says_how_often(timers, monkeypatch, capsys):
    be_terminal(monkeypatch)
    for is_kept in (True, False):
        _notice.start("softmax for float32", is_kept)
        timers[-1].tell()
    advice = "to keep it, set NUMBA_CACHE_DIR to a folder that can be written"
    assert capsys.readouterr().err.splitlines() == [
        "logitwise compiles softmax for float32, once per installation",
        f"logitwise compiles softmax for float32, in every process; {advice}",
    ]


def test_a_pipe_is_told_nothing_nor_a_terminal_under_quiet(timers, monkeypatch):
    be_terminal(monkeypatch, False)
    assert compiled(lambda x: x * 2.0)(1.0) == 2.0
    be_terminal(monkeypatch)
    _notice.hush(True)
    try:
        assert _notice.start("softmax", True) is None
    finally:
        _notice.hush(False)
    assert timers == []


def test_a_notebook_is_told_once(timers, monkeypatch):
    be_terminal(monkeypatch, False)
    monkeypatch.setitem(sys.modules, "ipykernel", compiler)
    _notice.start("softmax", True)
    timers[0].tell()
    assert _notice.start("sigmoid", True) is None
    assert len(timers) == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_warm_up_says_what_it_compiles(tmp_path: Path, is_kept: bool):
    """It says how what is compiled can be kept, where it cannot; what it compiles is left out here."""
    script = (
        "import sys\n"
        "from logitwise import warm_up\n"
        "from logitwise.kernels.compiler import Kernel\n"
        f"Kernel.is_kept = {is_kept}\n"
        "warm_up._steps_of_arrays = lambda dtype: [(f'functions of {dtype}', [lambda: print(dtype)])]\n"
        "warm_up._steps_of_tensors = lambda dtype: []\n"
        "sys.argv = ['logitwise', 'warm-up']\n"
        "from logitwise.cli import main\n"
        "main()\n"
    )
    told = ["[1/2] functions of float32", "[2/2] functions of float64"]
    if not is_kept:
        told.insert(0, "Numba found no folder for compiled code: set NUMBA_CACHE_DIR to a folder that can be written.")
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr.splitlines()) == (0, "float32\nfloat64\n", told)

"""`make mutants`: put small faults into the package, one at a time, and run the tests that should notice.

Each `*.toml` beside this file is a list of mutants:

    [[mutant]]
    name = "weights start again at every block"
    file = "kernels/cpu/binary_cross_entropy.py"      # under src/logitwise
    old = "position = start % source.size"            # occurs once in the file
    new = "position = 0"
    tests = ["tests/functional/test_binary_cross_entropy.py"]

A mutant is found by its text, not by its line, and one that no longer applies is reported. `harmless = "why"` marks a
mutant that changes nothing a test could see; it must survive. A mutant is noticed when a test fails (or hangs); one
that keeps the tests from starting proves nothing and is reported as broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numba.core.config
import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).resolve().parent
ENOUGH = 0.95  # of the mutants must be noticed
SECONDS = 900  # for the tests of one mutant; longer counts as a hang
FORKS = multiprocessing.get_context("forkserver")  # the libraries are imported once, for all mutants
FORKS.set_forkserver_preload(["numpy", "torch", "numba", "scipy.special", "sklearn.linear_model", "pandas"])
NOTICED, SURVIVED, HARMLESS = "noticed", "SURVIVED", "harmless"
NOT_HARMLESS, STALE, BROKEN = "NOTICED, THOUGH CALLED HARMLESS", "NO LONGER APPLIES", "BROKEN"


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is put, and the tests that should notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    harmless: str = ""

    def applied(self, source: str) -> str | None:
        """Return the source with the fault in it, or None unless its text occurs exactly once."""
        return source.replace(self.old, self.new) if source.count(self.old) == 1 and self.old != self.new else None


class Checkout:
    """A copy of the project in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        for name in ("src", "tests", "docs", "benchmarks"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns(".*"))
        for path in (*ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.yml"), *ROOT.glob("*.txt")):
            shutil.copy2(path, self.root)
        shared = ROOT.parent / "shared"
        if shared.is_dir():
            (folder / "shared").symlink_to(shared)

    def verdict(self, mutant: Mutant) -> str:
        """Return what the tests say of a mutant; the copy is as before afterwards."""
        original, path = ROOT / "src" / "logitwise" / mutant.file, self.root / "src" / "logitwise" / mutant.file
        source = mutant.applied(original.read_text(encoding="utf-8")) if original.is_file() else None
        if source is None:
            return STALE
        try:
            path.write_text(source, encoding="utf-8")
            with tempfile.TemporaryDirectory() as cache:
                # Numba's cache sees an edit of a kernel's own file only, not of a file that it shares with others.
                fresh = {"NUMBA_CACHE_DIR": cache} if "kernels" in path.parts else {}
                code, _ = self.run(mutant.tests, **fresh)
        finally:
            shutil.copy2(original, path)
        if code not in (0, 1):
            return BROKEN
        if mutant.harmless:
            return NOT_HARMLESS if code else HARMLESS
        return NOTICED if code else SURVIVED

    def run(self, tests: Sequence[str], **more: str) -> tuple[int, str]:
        """Return the exit code of pytest (1 also where it hangs) and what it printed."""
        variables = {**more, "PYTHONPATH": str(self.root / "src"), "OMP_NUM_THREADS": "1"}
        printed = self.root.parent / "printed.txt"
        process = FORKS.Process(target=_run_pytest, args=(self.root, tests, variables, printed))
        process.start()
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            return 1, "timed out"
        return process.exitcode, printed.read_text(encoding="utf-8", errors="replace")


def _run_pytest(root: Path, tests: Sequence[str], variables: dict[str, str], printed: Path) -> None:
    """Run tests of a copy of the project, in a process of its own that has imported what they import."""
    descriptor = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(root)
    os.environ.update(variables)
    numba.core.config.reload_config()  # where its cache is
    sys.dont_write_bytecode = True
    sys.path[:] = [str(root / "src"), *(place for place in sys.path if not place.startswith(str(ROOT / "src")))]
    code = pytest.main(["-q", "-x", "--no-header", "--tb=short", *tests])
    sys.stdout.flush()
    os._exit(code)


def read_lists(folder: Path = LISTS) -> Iterator[Mutant]:
    """Yield every mutant of the lists in a folder."""
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            yield Mutant(**{**entry, "tests": tuple(entry["tests"])})


def try_all(mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """Yield every mutant with its verdict, as they are reached."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        checkouts: SimpleQueue[Checkout] = SimpleQueue()
        for job in range(jobs):
            checkouts.put(Checkout(Path(folder) / str(job)))
        _check_unchanged(checkouts, sorted({test for mutant in mutants for test in mutant.tests}))

        def judge(mutant: Mutant) -> tuple[Mutant, str]:
            checkout = checkouts.get()
            try:
                return mutant, checkout.verdict(mutant)
            finally:
                checkouts.put(checkout)

        for verdict in as_completed([pool.submit(judge, mutant) for mutant in mutants]):
            yield verdict.result()


def _check_unchanged(checkouts: SimpleQueue[Checkout], tests: Sequence[str]) -> None:
    """Exit unless the tests pass where nothing is changed: else they would notice anything."""
    checkout = checkouts.get()
    code, told = checkout.run(["-n", str(checkouts.qsize() + 1), *tests])
    checkouts.put(checkout)
    if code:
        sys.exit(f"the tests fail without any mutant:\n{told}")


def main() -> None:
    """Try the mutants whose name or list contains one of the words given; all of them without a word."""
    parser = argparse.ArgumentParser(prog="make mutants", description=main.__doc__)
    parser.add_argument("words", nargs="*", help="parts of names, or of files, of mutants")
    parser.add_argument("--jobs", type=int, default=2, help="how many are tried at once")
    parser.add_argument("--lists", type=Path, default=LISTS, help="the folder of the lists")
    options = parser.parse_args()
    mutants = [
        mutant
        for mutant in read_lists(options.lists)
        if not options.words or any(word in f"{mutant.name} {mutant.file}" for word in options.words)
    ]
    if not mutants:
        sys.exit("no mutant has such a name")
    counts: Counter[str] = Counter()
    start = time.monotonic()
    for mutant, verdict in try_all(mutants, options.jobs):
        counts[verdict] += 1
        print(f"{verdict:10} {mutant.file}: {mutant.name}", flush=True)
    tried = counts[NOTICED] + counts[SURVIVED]
    share = counts[NOTICED] / tried if tried else 1.0
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    print(f"{len(mutants)} mutants: {said}; {share:.1%} noticed, in {time.monotonic() - start:.0f} s")
    sys.exit(share < ENOUGH or any(counts[verdict] for verdict in (STALE, BROKEN, NOT_HARMLESS)))


if __name__ == "__main__":
    main()

"""The bits of every result of the library, as hashes: a net under changes that are to change nothing.

1. On the code as it was: `python tests/bits/__main__.py write` makes hashes.json and messages.json beside this file.
2. After a change: `python tests/bits/__main__.py check` prints each case that differs, and exits with 1 if any does.
   `check softmax train` runs only the cases whose name contains a word; `--threads 1` sets `lw.threads(1)` before.
3. Where wording was improved on purpose, look at what `check` shows, and make those anew: `write "wrong errors"`.
4. Hashes are of one machine and one set of versions (BLAS and torch differ in last bits): write them where you check.
5. Run with `PYTHONPATH=src OMP_NUM_THREADS=1`, after an edit in the kernels without their `__pycache__` (see
   CONTRIBUTING.md). Cases use the public names alone; what they write is in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import harness
import torch

import logitwise as lw

HASHES, TEXTS = harness.HERE / "hashes.json", harness.HERE / "messages.json"


def main() -> int:
    """Write the tables, or hold today's code against them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("write", "check", "list"))
    parser.add_argument("words", nargs="*", help="only cases whose name contains one of these")
    parser.add_argument("--threads", type=int, help="how many threads the functions use")
    asked = parser.parse_args()
    if asked.threads is not None:
        lw.threads(asked.threads)
    torch.set_num_threads(1)
    started = time.perf_counter()
    import cases_of_classifier
    import cases_of_files
    import cases_of_functions
    import cases_of_torch
    import cases_of_wrong

    for module in (cases_of_functions, cases_of_torch, cases_of_wrong, cases_of_classifier, cases_of_files):
        module.add()
    if asked.what == "list":
        for name in [*harness.CASES, *harness.MESSAGES]:
            if harness.wanted(name, asked.words):
                harness.tell(name)
        return 0
    hashes, texts = harness.run(asked.words)
    took = time.perf_counter() - started
    if asked.what == "write":
        _write(HASHES, hashes, asked.words)
        _write(TEXTS, texts, asked.words)
        harness.tell(f"wrote {len(hashes)} hashes and {len(texts)} messages in {took:.0f} s")
        return 0
    different = _compare(hashes, texts, asked.words)
    harness.tell(f"{len(hashes)} hashes, {len(texts)} messages, {different} differ; {took:.0f} s")
    return 1 if different else 0


def _write(path: Path, found: dict, words: list[str]) -> None:
    kept = {name: value for name, value in _read(path).items() if words and not harness.wanted(name, words)}
    path.write_text(json.dumps(kept | found, indent=0, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _compare(hashes: dict, texts: dict, words: list[str]) -> int:
    different = 0
    for path, found in ((HASHES, hashes), (TEXTS, texts)):
        known = {name: value for name, value in _read(path).items() if harness.wanted(name, words)}
        for name in sorted({*known, *found}):
            if known.get(name) == found.get(name):
                continue
            different += 1
            if name not in known:
                harness.tell(f"NEW      {name}" + (f"\n  now:    {found[name]}" if path == TEXTS else ""))
            elif name not in found:
                harness.tell(f"GONE     {name}" + (f"\n  before: {known[name]}" if path == TEXTS else ""))
            elif path == HASHES:
                harness.tell(f"DIFFERS  {name}")
            else:
                harness.tell(f"SAYS     {name}\n  before: {known[name]}\n  now:    {found[name]}")
    return different


if __name__ == "__main__":
    sys.exit(main())

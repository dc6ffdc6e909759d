"""`python -m benchmarks.classifier [--set iris ...] [--contender logitwise ...] [--results FILE] [--table]`.

Each contender is fitted on the same five stratified folds, one after the other within a fold; a line of JSON a fit is
appended to the results, and the table is made from them. `--save` writes it to classifier-results.md.

Every contender has one thread, and its time is that of the processor: so it is the same on a machine that others use.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from benchmarks.classifier.contenders import CONTENDERS, warm_up
from benchmarks.classifier.sets import FOLDS, SOURCES, folds, splits
from benchmarks.classifier.table import tables
from threadpoolctl import threadpool_limits

from logitwise.metrics import summary

FOLDER = Path(os.environ.get("LOGITWISE_DATA", "../shared/data"))
SAVED = Path(__file__).parent.parent / "classifier-results.md"
PACKAGES = ("logitwise", "scikit-learn", "torch", "skorch", "pytabkit", "numpy")
HEADING = "# The classifier beside its peers"
NOTES = """\
The folds are stratified and set by a seed, so they are the same for every contender. Every contender uses its own
defaults, and they run one after another. Sets of fewer than 600 rows are split into five folds four times, with four
seeds, because the log loss on such a set varies by a third between splits. For the peers, numbers are scaled, missing
values are replaced by the median and flagged, and categories are one-hot encoded; HistGradientBoosting and RealMLP get
categories as they are. `adult` is a stratified sample of 10,000 rows. `mnist-sample` is its 1,033 training images,
which logitwise gets as images (and shifts at random by up to two pixels) and the peers as pixels. skorch fits the
network of the tutorial. Times are processor times on one thread.

The training recipe was chosen on other sets (docs/design.md). It was evaluated on these sets three times: twice before
it was first final, and once on 2026-11-27, when six splits of five small sets showed that calibration made a model far
too confident when a small number of rows are all classified correctly. The prior that prevents this was chosen on other
sets. On 2026-11-28 the calibration was changed once more, since it had made the probabilities of `mnist-sample` worse
on test rows: a temperature now counts as far as held-out rows show that it is not 1. That rule was found on these sets,
and confirmed on 36 made tables with 8,000 test rows each. LogisticRegressionCV chooses C among nine powers of ten by
cross-validated log loss. Made by `make bench-classifier`."""
SMALLEST = 1e-15  # a probability of 0 where the class occurs counts as this, so that every mean is finite


def main() -> None:
    options = _options()
    results = Path(options.results)
    threadpool_limits(1)
    torch.set_num_threads(1)
    if not options.table:
        for name in options.set or SOURCES:
            for seed in range(options.seeds or splits(name, options.folder)):
                _run(name, seed, options, results)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    text = "\n".join([HEADING, "", _setting(), "", NOTES, "", *tables(rows), ""])
    print(text)
    if options.save:
        SAVED.write_text(text)


def _setting() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{datetime.date.today()}. {os.cpu_count()} cores ({platform.machine()}), {versions}."


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifier")
    parser.add_argument("--set", action="append", choices=list(SOURCES))
    parser.add_argument("--contender", action="append", choices=list(CONTENDERS))
    parser.add_argument("--fold", action="append", type=int, choices=range(FOLDS), help="which of the folds; else all")
    parser.add_argument("--seeds", type=int, help="how many times five folds; else more often for sets of few rows")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the data sets are")
    parser.add_argument("--results", default="classifier-results.jsonl", help="where the lines are appended")
    parser.add_argument("--table", action="store_true", help="only make the table of the results there are")
    parser.add_argument("--save", action="store_true", help=f"write {SAVED.name}")
    return parser.parse_args()


def _run(name: str, seed: int, options: argparse.Namespace, results: Path) -> None:
    for fold in folds(name, options.folder, seed):
        if options.fold and fold.number not in options.fold:
            continue
        for contender in options.contender or CONTENDERS:
            warm_up(contender)
            started, spent = time.perf_counter(), time.process_time()
            probabilities = CONTENDERS[contender](fold, seed)
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - spent
            measures = summary(fold.test_target, np.clip(probabilities, SMALLEST, 1.0))
            row = {"set": name, "seed": seed, "fold": fold.number, "contender": contender}
            with results.open("a") as file:
                file.write(
                    json.dumps(
                        row
                        | measures
                        | {"seconds": seconds, "cpu_seconds": cpu_seconds, "train_rows": len(fold.train_target)}
                    )
                    + "\n"
                )
            print(
                f"{name} {seed} {fold.number} {contender}: {measures['log_loss']:.4f} in {cpu_seconds:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()

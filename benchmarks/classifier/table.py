"""The tables of a benchmark: every set, and what they say together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

OURS = "logitwise"
FLOOR = 0.001  # nats added to every loss, for a mean in which a set that everyone gets right does not decide


def tables(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the lines of all tables."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    contenders = list(dict.fromkeys(row["contender"] for row in rows))
    loss, seconds, error = (_means(rows, name) for name in ("log_loss", "cpu_seconds", "calibration_error"))
    folds = {name: len({(row["seed"], row["fold"]) for row in rows if row["set"] == name}) for name in sets}
    sizes = {row["set"]: row["train_rows"] for row in rows}
    lines = ["## Log loss (nats, mean over folds; the best of each set in bold)", ""]
    lines += _table(
        ["set", "rows trained on", "folds", *contenders, "ours / best peer"],
        [
            [
                name,
                f"{sizes[name]:,}",
                str(folds[name]),
                *_bold(name, contenders, loss, 4),
                f"{_ratio(name, contenders, loss):.3f}",
            ]
            for name in sets
        ],
    )
    lines += ["", "## Summary", "", *_together(sets, contenders, loss, seconds, error)]
    lines += ["", "## Calibration error (15 bins, mean over folds)", ""]
    lines += _table(["set", *contenders], [[name, *_bold(name, contenders, error, 4)] for name in sets])
    lines += ["", "## Processor seconds to fit and predict one fold, on one thread (mean)", ""]
    lines += _table(
        ["set", *contenders, "ours / MLPClassifier", "ours / RealMLP-TD-S"],
        [
            [
                name,
                *(f"{seconds[name, each]:.2f}" for each in contenders),
                *(f"{seconds[name, OURS] / seconds[name, peer]:.2f}" for peer in ("MLPClassifier", "RealMLP-TD-S")),
            ]
            for name in sets
        ],
    )
    return lines


def _together(sets: Sequence[str], contenders: Sequence[str], loss: Any, seconds: Any, error: Any) -> list[str]:
    ranks = {name: _ranks([loss[name, each] for each in contenders]) for name in sets}
    lines = _table(
        ["", *contenders],
        [
            [
                "mean rank by log loss",
                *(f"{np.mean([ranks[name][i] for name in sets]):.2f}" for i in range(len(contenders))),
            ],
            [
                "geometric mean log loss",
                *(f"{_geometric(loss[name, each] for name in sets):.4f}" for each in contenders),
            ],
            [
                f"the same, {FLOOR:g} added",
                *(f"{_geometric(loss[name, each] + FLOOR for name in sets):.4f}" for each in contenders),
            ],
            [
                "mean calibration error",
                *(f"{np.mean([error[name, each] for name in sets]):.4f}" for each in contenders),
            ],
            [
                "median processor seconds",
                *(f"{np.median([seconds[name, each] for name in sets]):.2f}" for each in contenders),
            ],
        ],
    )
    peers = [each for each in contenders if each != OURS]
    best = min(peers, key=lambda each: _geometric(loss[name, each] for name in sets))
    ratios = [_ratio(name, contenders, loss) for name in sets]
    floored = [(loss[name, OURS] + FLOOR) / (min(loss[name, each] for each in peers) + FLOOR) for name in sets]
    against = _geometric(loss[name, OURS] / loss[name, best] for name in sets)
    floored_against = _geometric((loss[name, OURS] + FLOOR) / (loss[name, best] + FLOOR) for name in sets)
    times = {
        peer: [seconds[name, OURS] / seconds[name, peer] for name in sets] for peer in ("MLPClassifier", "RealMLP-TD-S")
    }
    lowest = sum(_is_lowest(name, contenders, error) for name in sets)
    worse = [f"{name} ({ratio:.2f})" for name, ratio in zip(sets, ratios, strict=True) if ratio > 1.1]
    return [
        *lines,
        "",
        f"- Log loss over that of the peer with the best geometric mean, {best}: {against:.3f} ({floored_against:.3f} "
        f"with {FLOOR:g} nats added to every loss).",
        f"- Log loss over that of the best peer of each set: {_geometric(ratios):.3f} ({_geometric(floored):.3f}).",
        f"- Sets more than 10% above their best peer: {', '.join(worse) or 'none'}.",
        f"- Time over MLPClassifier's: {np.median(times['MLPClassifier']):.2f} at the median; over RealMLP-TD-S's: "
        f"{np.median(times['RealMLP-TD-S']):.2f} at the median, {max(times['RealMLP-TD-S']):.2f} at most.",
        f"- Calibration error lowest on {lowest} of {len(sets)} sets.",
    ]


def _means(rows: Sequence[dict[str, Any]], measure: str) -> dict[tuple[str, str], float]:
    values = defaultdict(list)
    for row in rows:
        values[row["set"], row["contender"]].append(row[measure])
    return {key: float(np.mean(each)) for key, each in values.items()}


def _ratio(name: str, contenders: Sequence[str], loss: dict[tuple[str, str], float]) -> float:
    return loss[name, OURS] / min(loss[name, each] for each in contenders if each != OURS)


def _is_lowest(name: str, contenders: Sequence[str], values: dict[tuple[str, str], float]) -> bool:
    return values[name, OURS] <= min(values[name, each] for each in contenders)


def _bold(name: str, contenders: Sequence[str], values: dict[tuple[str, str], float], digits: int) -> list[str]:
    own = [values[name, each] for each in contenders]
    return [f"**{value:.{digits}f}**" if value == min(own) else f"{value:.{digits}f}" for value in own]


def _ranks(values: Sequence[float]) -> list[float]:
    return [1 + sum(other < value for other in values) for value in values]


def _geometric(values: Any) -> float:
    return float(np.exp(np.mean(np.log(list(values)))))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]

"""Contenders take turns call by call, as in a training loop: torch's threads spin as they do there."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Call = Callable[[], object]
LEAST_CALLS, MOST_CALLS = 7, 2000
SLOW_SECONDS, LEAST_SLOW_CALLS = 0.05, 3  # a turn of all contenders from so long on is repeated only so often


@dataclass(frozen=True)
class Measurement:
    """The medians of a run at one shape."""

    ours: float  # seconds
    theirs: float  # of the fastest peer
    ratio: float  # its time over ours, paired
    peer: str
    peers: tuple[str, ...]  # all that took turns


def measured(ours: Call, peers: dict[str, Call], seconds: float) -> Measurement:
    """Time ours and the peers, one call each, in turns; the peer with the least ratio counts."""
    turns = in_turns([ours, *peers.values()], seconds)
    ratios = {name: statistics.median(turn[place] / turn[0] for turn in turns) for place, name in enumerate(peers, 1)}
    fastest = min(ratios, key=ratios.__getitem__)
    medians = [statistics.median(column) for column in zip(*turns, strict=True)]
    return Measurement(medians[0], medians[1 + list(peers).index(fastest)], ratios[fastest], fastest, tuple(peers))


def in_turns(calls: list[Call], seconds: float) -> list[list[float]]:
    """Return the seconds of each call in each turn, for about `seconds` in all."""
    _turn(calls)  # compiles
    first = _turn(calls)
    is_slow = sum(first) > SLOW_SECONDS
    turns, least = ([first], LEAST_SLOW_CALLS) if is_slow else ([], LEAST_CALLS)
    started = time.perf_counter()
    while len(turns) < least or (time.perf_counter() - started < seconds and len(turns) < MOST_CALLS):
        turns.append(_turn(calls))
    return turns


def _turn(calls: list[Call]) -> list[float]:
    times = []
    for call in calls:
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return times

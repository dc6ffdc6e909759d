"""The numbers of three scores by the textbook, to hold against those of an explanation: no two of a kind are alike."""

from __future__ import annotations

import math

LOGITS, TARGET, TEMPERATURE, NAMES = (0.3, -1.2, 1.7), 0, 3.0, ("cat", "dog", "bird")
LARGEST = 2  # its place

SHIFTED = [(z - 1.7) / 3 for z in LOGITS]
EXPONENTIALS = [math.exp(z) for z in SHIFTED]
TOTAL = sum(EXPONENTIALS)
PROBABILITIES = [e / TOTAL for e in EXPONENTIALS]
LOSS = -math.log(PROBABILITIES[0])
GAP = 1.4 / 3
REST = EXPONENTIALS[0] + EXPONENTIALS[1]
GRADIENT = [PROBABILITIES[0] - 1, PROBABILITIES[1], PROBABILITIES[2]]


def at_temperature(temperature: float) -> tuple[list[float], float]:
    """Return the probabilities at a temperature, and the loss."""
    powers = [math.exp(z / temperature) for z in LOGITS]
    probabilities = [power / sum(powers) for power in powers]
    return probabilities, -math.log(probabilities[TARGET])

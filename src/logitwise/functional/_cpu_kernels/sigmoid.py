"""Sigmoid and its logarithm by kernels."""

from __future__ import annotations

from typing import Any

from logitwise.functional._memory.arrays import destination, memory_of
from logitwise.functional._memory.results import deliver
from logitwise.functional._problems.sigmoid import SigmoidProblem
from logitwise.kernels.cpu import sigmoid as kernels

_KERNELS = {"sigmoid": kernels.sigmoid, "log_sigmoid": kernels.log_sigmoid}


def result(problem: SigmoidProblem, out: Any = None) -> Any:
    """Return the probability of class 1 or its logarithm, in `out` if there is one."""
    filled = destination(problem.logits, out)
    memory, encoding = memory_of(problem.logits)
    _KERNELS[problem.operation](memory.reshape(-1), encoding, memory_of(filled)[0].reshape(-1))
    return deliver(filled, out)

"""The route of CPU tensors over the compiled kernels, with nothing recorded."""

from __future__ import annotations

from typing import Any

import torch

from logitwise.functional import _cpu_kernels
from logitwise.functional._cpu_kernels import loss, result
from logitwise.functional._torch.tensors import are_for_kernels

__all__ = ["NAME", "REASON", "loss", "loss_and_gradient", "result", "takes"]

NAME = _cpu_kernels.NAME
REASON = "compiled kernels read the memory of the tensors, and nothing is recorded for a derivative"


def takes(call: Any) -> bool:
    """Return whether a kernel computes a call."""
    return not torch.compiler.is_compiling() and _cpu_kernels.takes(call) and are_for_kernels(call)


def loss_and_gradient(call: Any, out: Any = None) -> tuple[Any, Any]:
    """Return the loss and its gradient, detached, in `out` if there is one."""
    return _cpu_kernels.loss_and_gradient(call.checked(out).detached(), out)

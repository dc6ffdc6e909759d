"""Which way a call is computed: a gate for small calls, then the first route of an ordered table that takes it.

Nothing else decides. A gate answers or returns None. A route is a module with `NAME`, `REASON`, `takes(call)`, and some
of the verbs `result` (a function of logits), `loss`, and `loss_and_gradient`. To add a route, write such a module and
give it its place in the table of the verbs it has; the last route of every table takes all that is left.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from numpy import ndarray

from logitwise._arrays import is_tensor
from logitwise.functional import _cpu, _definitions, _small


class _Table(NamedTuple):
    """The gate, and for each verb the routes in the order in which they are asked."""

    gate: Any
    result: tuple[Any, ...]
    loss: tuple[Any, ...]
    loss_and_gradient: tuple[Any, ...]


_OF_ARRAYS = _Table(
    gate=_small,
    result=(_cpu, _definitions),
    loss=(_cpu,),
    loss_and_gradient=(_cpu,),
)
_of_tensors: _Table | None = None


def _table_of_tensors() -> _Table:
    """Return the table of tensors; it is made, and torch imported with it, when the first tensor comes."""
    global _of_tensors
    if _of_tensors is None:
        from logitwise.functional._torch import kernels, nodes, operations, operators, small

        _of_tensors = _Table(
            gate=small,
            result=(nodes, kernels, operations),
            loss=(operators, nodes, kernels, operations),
            loss_and_gradient=(kernels, operations),
        )
    return _of_tensors


def result_of(call: Any, out: Any = None) -> Any:
    """Return what a function of logits gives, an array or tensor, in `out` if there is one."""
    table = _table_of_tensors() if is_tensor(call.logits) else _OF_ARRAYS
    found = table.gate.result(call, out)
    return _first(table.result, call).result(call, out) if found is None else found


def loss_of(call: Any) -> Any:
    """Return a loss."""
    table, logits = _OF_ARRAYS, call.logits
    if type(logits) is not ndarray and is_tensor(logits):
        table, call = _table_of_tensors(), _under_autocast(call)
    loss = table.gate.loss(call)
    return _first(table.loss, call).loss(call) if loss is None else loss


def loss_and_gradient_of(call: Any, out: Any = None) -> tuple[Any, Any]:
    """Return a loss and its gradient with respect to the logits, in `out` if there is one; tensors are detached."""
    tensors = type(call.logits) is not ndarray and is_tensor(call.logits)
    table = _table_of_tensors() if tensors else _OF_ARRAYS
    found = table.gate.loss_and_gradient(call, out)
    if found is not None:
        return found
    return _first(table.loss_and_gradient, call.detached() if tensors else call).loss_and_gradient(call, out)


def way_of(call: Any, verb: str) -> Any:
    """Return the gate or the route that computes a call, or raise what is wrong with the call."""
    tensors = is_tensor(call.logits)
    table = _table_of_tensors() if tensors else _OF_ARRAYS
    if tensors and verb == "loss":
        call = _under_autocast(call)
    found = table.gate.loss(call) if verb == "loss" else getattr(table.gate, verb)(call, None)
    if found is not None:
        return table.gate
    detaching = tensors and verb == "loss_and_gradient"
    route = _first(getattr(table, verb), call.detached() if detaching else call)
    call.checked()
    return route


def _under_autocast(call: Any) -> Any:
    """Return a call of a loss with logits of 32 bits where autocast is on, as torch does for its losses."""
    torch, logits = sys.modules["torch"], call.logits
    if logits.dtype.itemsize == 2 and torch.is_autocast_enabled(logits.device.type):
        return call._replace(logits=logits.float())
    return call


def _first(routes: tuple[Any, ...], call: Any) -> Any:
    for route in routes:
        if route.takes(call):
            return route
    raise NotImplementedError(f"no route computes {call.operation}")

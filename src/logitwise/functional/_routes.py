"""Which way a call is computed: by the gate for plain calls, or by the first route of an ordered table that takes it.

Nothing else decides. A call is the unchecked arguments of a function (`_problems/`). The gate answers, or returns None
if the call needs the general code, a warning or an error. A route is a module with

    NAME, REASON       what it is called, and when it serves
    takes(call)        whether it computes a call, decided by its arrays alone
    result(call, out)  one or more of three verbs: a function of logits,
    loss(call)         a loss,
    loss_and_gradient(call, out)

To add a route, write such a module and give it a place in the table of each verb that it has. Routes check a call by
`call.checked()`, which returns the problem or raises; the compiled operator does so when it runs.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, Protocol

import numpy as np

from logitwise._arrays import in_32_bits_under_autocast, is_tensor, may_look
from logitwise._warnings import checks
from logitwise.functional import _cpu_kernels, _definitions, _plain
from logitwise.functional._problems import Call


class Route(Protocol):
    """What every route has; its verbs come on top."""

    NAME: str
    REASON: str

    def takes(self, call: Call) -> bool:
        """Return whether the route computes a call."""
        ...


class _Table(NamedTuple):
    """The gate, and for each verb the routes in the order in which they are asked; the last one takes all."""

    gate: Any
    result: tuple[Any, ...]
    loss: tuple[Any, ...]
    loss_and_gradient: tuple[Any, ...]


_OF_ARRAYS = _Table(
    gate=_plain,
    result=(_cpu_kernels, _definitions),
    loss=(_cpu_kernels,),
    loss_and_gradient=(_cpu_kernels,),
)
_of_tensors: _Table | None = None


def _table_of_tensors() -> _Table:
    """Return the table of tensors; it is made, and torch imported with it, when the first tensor comes."""
    global _of_tensors
    if sys.modules["torch"].compiler.is_compiling():  # the compiler would compile again as soon as the global is set
        return _new_table_of_tensors()
    if _of_tensors is None:
        _of_tensors = _new_table_of_tensors()
    return _of_tensors


def _new_table_of_tensors() -> _Table:
    from logitwise.functional._torch import compiled_operator, cpu_kernels, plain, recorded_kernels, torch_operations

    return _Table(
        gate=plain,
        result=(recorded_kernels, cpu_kernels, torch_operations),
        loss=(compiled_operator, recorded_kernels, cpu_kernels, torch_operations),
        loss_and_gradient=(cpu_kernels, torch_operations),
    )


def _table_for(logits: Any) -> _Table:
    return _table_of_tensors() if is_tensor(logits) else _OF_ARRAYS


def result_of(call: Call, out: Any = None) -> Any:
    """Return what a function of logits gives, an array or tensor, in `out` if there is one."""
    table = _OF_ARRAYS if type(call.logits) is np.ndarray else _table_for(call.logits)
    found = table.gate.result(call, out)
    return _first(table.result, call).result(call, out) if found is None else found


def loss_of(call: Call) -> Any:
    """Return a loss; under autocast, of logits in 32 bits."""
    table = _OF_ARRAYS if type(call.logits) is np.ndarray else _table_for(call.logits)
    if table is not _OF_ARRAYS:
        call = _under_autocast(call)
    found = table.gate.loss(call)
    return _first(table.loss, call).loss(call) if found is None else found


def loss_and_gradient_of(call: Call, out: Any = None) -> tuple[Any, Any]:
    """Return a loss and its gradient with respect to the logits, in `out` if there is one; tensors are detached."""
    table = _OF_ARRAYS if type(call.logits) is np.ndarray else _table_for(call.logits)
    found = table.gate.loss_and_gradient(call, out)
    if found is not None:
        return found
    detached = call if table is _OF_ARRAYS else call.detached()
    return _first(table.loss_and_gradient, detached).loss_and_gradient(call, out)


def way_of(call: Call, verb: str) -> Route:
    """Return the gate or the route that computes a call, or raise what is wrong with it; plain calls are run."""
    table = _table_for(call.logits)
    if verb == "loss" and table is not _OF_ARRAYS:
        call = _under_autocast(call)
    found = table.gate.loss(call) if verb == "loss" else getattr(table.gate, verb)(call, None)
    if found is not None:
        return table.gate
    _check_quietly(call)
    detaching = verb == "loss_and_gradient" and table is not _OF_ARRAYS
    return _first(getattr(table, verb), call.detached() if detaching else call)


def _check_quietly(call: Call) -> None:
    """Raise what is wrong with a call, and warn of nothing; compiled code warns of nothing, and has no setting."""
    if not may_look(call.logits):
        call.checked()
        return
    with checks("off"):
        call.checked()


def _under_autocast(call: Any) -> Any:
    """Return a call of a loss with logits of 32 bits where autocast is on."""
    logits = in_32_bits_under_autocast(call.logits)
    return call if logits is call.logits else call._replace(logits=logits)


def _first(routes: tuple[Any, ...], call: Call) -> Any:
    *others, last = routes
    for route in others:
        if route.takes(call):
            return route
    return last

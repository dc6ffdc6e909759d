"""The functions that return a loss with its gradient, under transforms and the compiler: the numbers of plain calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, jacfwd, vmap
from torch.testing import assert_close

import logitwise as lw

NUMBERS = torch.Generator().manual_seed(0)
LOGITS, OTHERS = (torch.randn(3, 4, 5, generator=NUMBERS, dtype=torch.float64) for _ in range(2))
INDICES, ZERO_ONE = OTHERS.argmax(2), (OTHERS > 0).double()
CALLS: dict[str, tuple[Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], Tensor]] = {
    "cross_entropy": (lw.cross_entropy_and_gradient, INDICES),
    "focal_loss": (lw.focal_loss_and_gradient, INDICES),
    "entropy": (lambda logits, mask: lw.entropy_and_gradient(logits, mask=mask), OTHERS > -1),
    "kl_divergence": (lw.kl_divergence_and_gradient, OTHERS),
    "binary_cross_entropy_with_logits": (lw.binary_cross_entropy_with_logits_and_gradient, ZERO_ONE),
    "binary_focal_loss_with_logits": (lw.binary_focal_loss_with_logits_and_gradient, ZERO_ONE),
}
each = pytest.mark.parametrize(("call", "other"), CALLS.values(), ids=CALLS)


def test_every_function_of_the_kind_is_tried() -> None:
    assert {f"{name}_and_gradient" for name in CALLS} == {name for name in lw.__all__ if name.endswith("_and_gradient")}


@each
def test_under_vmap(call: Callable[..., tuple[Tensor, Tensor]], other: Tensor) -> None:
    single = [call(*row) for row in zip(LOGITS, other, strict=True)]
    for found, expected in zip(vmap(call)(LOGITS, other), zip(*single, strict=True), strict=True):
        assert_close(found, torch.stack(expected))


@each
def test_what_they_return_is_a_constant_of_transforms(
    call: Callable[..., tuple[Tensor, Tensor]], other: Tensor
) -> None:
    def product(logits: Tensor) -> Tensor:
        loss, gradient = call(logits, other[0])
        return (logits * gradient).sum() + loss.sum()

    assert_close(grad(product)(LOGITS[0]), call(LOGITS[0], other[0])[1])
    assert_close(jacfwd(product)(LOGITS[0]), call(LOGITS[0], other[0])[1])


@each
def test_in_one_compiled_graph(call: Callable[..., tuple[Tensor, Tensor]], other: Tensor) -> None:
    torch.compiler.reset()
    compiled = torch.compile(call, backend="eager", fullgraph=True)
    assert_close(compiled(LOGITS[0], other[0]), call(LOGITS[0], other[0]))

"""A row with NaN or +inf has no gradient: NaN at every class that takes part and 0 at a masked one, by every route."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import logitwise as lw

ROWS = 3
CLASSES = [5, 300]
DTYPES = [torch.float32, torch.float64, torch.bfloat16]
CALLS = {
    "softmax": lambda z, **options: lw.softmax(z, **options).select(1, 0),
    "log_softmax": lambda z, **options: lw.log_softmax(z, **options).select(1, 0),
    "logsumexp": lw.logsumexp,
    "entropy": lw.entropy,
    "cross_entropy": lambda z, **options: lw.cross_entropy(z, zeros(z), reduction="none", **options),
    "kl_divergence": lambda z, **options: lw.kl_divergence(z, torch.zeros_like(z), reduction="none", **options),
}
WITH_GRADIENT = {
    "entropy": lw.entropy_and_gradient,
    "cross_entropy": lambda z, **options: lw.cross_entropy_and_gradient(z, np.zeros(len(z), int), **options),
    "kl_divergence": lambda z, **options: lw.kl_divergence_and_gradient(z, np.zeros_like(z), **options),
}

pytestmark = pytest.mark.filterwarnings("ignore::logitwise.NotFiniteWarning")


def zeros(logits: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(logits), dtype=torch.long)


def inputs(classes: int, spoiler: float, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits with a spoiled row between good ones, classes far below the largest in each, and a mask."""
    generator = torch.Generator().manual_seed(classes)
    logits = torch.randn(ROWS, classes, generator=generator).to(dtype)
    mask = torch.rand(ROWS, classes, generator=generator) < 0.6
    mask[:, :2] = True
    logits[:, 3], logits[1, 1] = -1000.0, spoiler
    return logits, mask


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("spoiler", [np.nan, np.inf])
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("name", CALLS)
def test_gradient(name, classes, spoiler, dtype):
    logits, mask = inputs(classes, spoiler, dtype)
    for options in ({}, {"mask": mask}):
        taken = options.get("mask", torch.ones_like(mask))
        recorded = logits.clone().requires_grad_()
        CALLS[name](recorded, **options).sum().backward()
        gradients = [recorded.grad]
        gradients += [torch.func.grad(lambda z: CALLS[name](z, **options).sum())(logits)]  # noqa: B023
        if name in WITH_GRADIENT and dtype != torch.bfloat16:
            arrays = {option: value.numpy() for option, value in options.items()}
            gradients += [torch.tensor(WITH_GRADIENT[name](logits.numpy(), **arrays)[1])]
        for gradient in gradients:
            assert gradient is not None
            assert gradient[1][taken[1]].isnan().all()
            assert not gradient[~taken].any()
            assert gradient[::2].isfinite().all()


@pytest.mark.parametrize("spoiler", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_the_row_is_all_nan(name, spoiler):
    logits, mask = inputs(5, spoiler, torch.float64)
    for options in ({}, {"mask": mask}):
        function = lambda z: getattr(lw, name)(z, **options)  # noqa: B023, E731
        results = [function(logits), function(logits.clone().requires_grad_())]
        results += [torch.func.jvp(function, (logits,), (logits,))[0]]
        for result in results:
            assert result[1].isnan().all()
            assert not result[::2].isnan().any()

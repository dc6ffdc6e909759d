"""PyTorch's own sample inputs for what we replace: values and derivatives, ours against torch's.

All are the same but those that `differences.py` lists.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.testing import assert_close

from autograd.samples import DTYPES, MODULES, OPERATIONS, SIXTEEN_BITS, Sample, errors_of, other_dtypes_of, samples_of
from differences import PYTORCH

AT_LEAST = {
    "nn.functional.cross_entropy": 21, "nn.functional.nll_loss": 61, "nn.functional.kl_div": 16, "masked.logsumexp": 75,
    "CrossEntropyLoss": 105, "NLLLoss": 28, "KLDivLoss": 10, "logsumexp": 5, "softmax": 14, "log_softmax": 14,
}  # fmt: skip
ERRORS = {"CrossEntropyLoss": 7, "NLLLoss": 1}  # the modules for which torch's tests hold errors, and how many
pytestmark = pytest.mark.filterwarnings(
    "ignore::logitwise.UnnormalizedTargetWarning",
    "ignore:reduction",  # KLDivLoss warns of reduction="mean", ours and torch's
    "ignore:Casting complex values to real",
)


def is_listed(sample: Sample, forward_mode: bool = False) -> bool:
    """Return whether a sample differs: in the call, or only in its derivatives in forward mode."""
    entries = [each for each in PYTORCH if sample.name in each.names and (each.raises or forward_mode)]
    return any(each.applies(sample) for each in entries)


def weights_of(value: torch.Tensor) -> torch.Tensor:
    return (1.0 + torch.arange(value.numel()) % 8 / 8.0).reshape(value.shape).to(value.dtype)  # exact in any dtype


def outcome(function: Callable[..., torch.Tensor], tensors: tuple[torch.Tensor, ...], order: int) -> list[torch.Tensor]:
    """Return the value, and the derivatives up to an order of weighted sums, by every tensor that asks for one."""
    copies = tuple(tensor.detach().clone().requires_grad_(tensor.requires_grad) for tensor in tensors)
    asked, value = [tensor for tensor in copies if tensor.requires_grad], function(*copies)
    found, latest = [value], [value]
    for nth in range(1, order + 1 if asked else 1):
        total = sum((each * weights_of(each)).sum() for each in latest)
        if not total.requires_grad:  # the derivatives are constant
            latest = [torch.zeros_like(tensor) for tensor in asked]
        else:
            latest = list(torch.autograd.grad(total, asked, create_graph=nth < order, materialize_grads=True))
        found += latest
    return [each.detach() for each in found]


def assert_same(sample: Sample, order: int) -> None:
    """Compare with torch in the same dtype, or in float64 where torch's sixteen bits lose what its tolerance asks."""
    actual = outcome(sample.ours, sample.tensors, order)
    widened = not isinstance(sample.ours, torch.nn.BCELoss)  # which is torch's own arithmetic, its sixteen bits too
    wide = tuple(each.double() if widened and each.dtype in SIXTEEN_BITS else each for each in sample.tensors)
    expected = [each.to(like.dtype) for each, like in zip(outcome(sample.theirs, wide, order), actual, strict=True)]
    assert_close(actual, expected, equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", [*OPERATIONS, *MODULES])
def test_values_and_derivatives(name, dtype):
    """First derivatives in every dtype, second ones in float64."""
    count = 0
    for sample in samples_of(name, dtype):
        count += 1
        if not is_listed(sample):
            assert_same(sample, order=2 if dtype == torch.float64 else 1)
    assert count >= AT_LEAST.get(name, 2)


def forward_derivatives(sample: Sample) -> list[torch.Tensor]:
    """Return the derivative of ours, and of torch's, along a direction of all tensors that ask for one."""
    tensors = tuple(each.detach().clone() for each in sample.tensors)
    asked = [each.requires_grad for each in sample.tensors]
    moved = tuple(each for each, is_asked in zip(tensors, asked, strict=True) if is_asked)

    def derivative(call: Callable[..., torch.Tensor]) -> torch.Tensor:
        def of_moved(*values: torch.Tensor) -> torch.Tensor:
            left = iter(values)
            return call(*(next(left) if is_asked else each for each, is_asked in zip(tensors, asked, strict=True)))

        return torch.func.jvp(of_moved, moved, tuple(weights_of(each) for each in moved))[1]

    return [derivative(sample.ours), derivative(sample.theirs)]


@pytest.mark.parametrize("name", [*OPERATIONS, *MODULES])
def test_forward_mode(name):
    for sample in samples_of(name, torch.float64):
        if not is_listed(sample, forward_mode=True) and any(each.requires_grad for each in sample.tensors):
            assert_close(*forward_derivatives(sample), equal_nan=True)


@pytest.mark.parametrize("name", OPERATIONS)
def test_other_dtypes(name):
    """What is not listed gives torch's values."""
    for dtype in other_dtypes_of(name):
        for sample in samples_of(name, dtype):
            if not is_listed(sample):
                assert_close(sample.ours(*sample.tensors), sample.theirs(*sample.tensors), equal_nan=True)


@pytest.mark.parametrize("difference", PYTORCH, ids=lambda difference: difference.what)
def test_what_is_listed_differs(difference):
    for name in difference.names:
        dtypes = [torch.float64, *(other_dtypes_of(name) if name in OPERATIONS else [])]
        listed = [each for dtype in dtypes for each in samples_of(name, dtype) if difference.applies(each)]
        assert listed, f"no sample of {name} needs this entry"
        for sample in listed:
            if difference.raises:
                with pytest.raises(difference.raises):
                    sample.ours(*sample.tensors)
                sample.theirs(*sample.tensors)
            else:
                ours, theirs = forward_derivatives(sample)
                assert theirs.isnan().any()
                assert_close(ours, theirs.nan_to_num(0.0))


@pytest.mark.parametrize("name", MODULES)
def test_where_torch_raises_we_raise(name):
    wrong = list(errors_of(name))
    assert len(wrong) == ERRORS.get(name, 0)
    for sample, error in wrong:
        for call in (sample.theirs, sample.ours):
            with pytest.raises(error):
                call(*sample.tensors)

"""`torch.fx`, `torch.jit.trace` and `torch.jit.script` of models with our modules give the results of the models."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, tensor
from torch.testing import assert_close

import logitwise as lw
from logitwise import nn

# Torch calls TorchScript deprecated, in several warnings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
WEIGHT = tensor([0.5, 1.0, 2.0])
INDICES = tensor([0, 2, 1, 2, 0])
MODULES = {
    "Softmax": lambda: nn.Softmax(dim=1),
    "Softmax, last axis": lambda: nn.Softmax(-1),
    "LogSoftmax": lambda: nn.LogSoftmax(dim=1),
    "CrossEntropyLoss": lambda: nn.CrossEntropyLoss(),
    "CrossEntropyLoss, options": lambda: nn.CrossEntropyLoss(WEIGHT, ignore_index=1, label_smoothing=0.1),
    "CrossEntropyLoss, none": lambda: nn.CrossEntropyLoss(reduction="none"),
    "BCEWithLogitsLoss": lambda: nn.BCEWithLogitsLoss(),
    "BCEWithLogitsLoss, options": lambda: nn.BCEWithLogitsLoss(WEIGHT, pos_weight=WEIGHT + 1.0, reduction="sum"),
    "BCELoss": lambda: nn.BCELoss(WEIGHT),
    "NLLLoss": lambda: nn.NLLLoss(WEIGHT, ignore_index=1),
    "KLDivLoss": lambda: nn.KLDivLoss(reduction="batchmean"),
    "Sigmoid": lambda: nn.Sigmoid(),
    "LogSigmoid": lambda: nn.LogSigmoid(),
}


class Model(torch.nn.Module):
    """A layer, and one of our modules behind it."""

    def __init__(self, module: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        return self.module(self.layer(inputs))


class ModelWithLoss(Model):
    """A layer, a sigmoid where the loss is of probabilities, and one of our losses."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__(module)
        self.last = torch.nn.Sigmoid() if isinstance(module, torch.nn.BCELoss) else torch.nn.Identity()

    def forward(self, inputs: Tensor, target: Tensor) -> Tensor:
        return self.module(self.last(self.layer(inputs)), target)


def model_and_inputs(name: str) -> tuple[torch.nn.Module, tuple[Tensor, ...]]:
    """Return a model with the module, and what it is called with."""
    torch.manual_seed(0)
    inputs = torch.randn(5, 4)
    if "Loss" not in name:
        return Model(MODULES[name]()), (inputs,)
    return ModelWithLoss(MODULES[name]()), (inputs, torch.rand(5, 3) if name[0] in "BK" else INDICES)


def outcome(model: torch.nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Return what a model gives, and the gradients of a weighted sum of it."""
    model.zero_grad()
    result = model(*inputs)
    (result * torch.arange(1, result.numel() + 1).reshape(result.shape)).sum().backward()
    return [result.detach(), *(parameter.grad for parameter in model.parameters() if parameter.grad is not None)]


@pytest.mark.parametrize("name", MODULES)
def test_fx_records_a_module_as_one_call(name):
    model, inputs = model_and_inputs(name)
    traced = torch.fx.symbolic_trace(model)
    assert_close(outcome(traced, inputs), outcome(model, inputs), rtol=0.0, atol=0.0)
    ours = [node for node in traced.graph.nodes if getattr(node.target, "__module__", "").startswith("logitwise")]
    assert [node.op for node in ours] == ["call_function"]
    few = tuple(rows[:3] for rows in inputs)
    assert_close(traced(*few), model(*few), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", [name for name in MODULES if "Loss" not in name])
def test_what_fx_recorded_can_be_pickled(name):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), MODULES[name]())
    inputs = torch.linspace(-1.0, 1.0, 8).reshape(2, 4)
    again = pickle.loads(pickle.dumps(torch.fx.symbolic_trace(model)))
    assert_close(again(inputs), model(inputs), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", MODULES)
def test_fx_traces_a_module_by_itself(name):
    model, inputs = model_and_inputs(name)
    traced = torch.fx.symbolic_trace(MODULES[name]())
    logits = getattr(model, "last", torch.nn.Identity())(model.layer(inputs[0])).detach()
    assert_close(traced(logits, *inputs[1:]), MODULES[name]()(logits, *inputs[1:]), rtol=0.0, atol=0.0)


def test_fx_finds_the_weights_of_a_loss_in_its_buffers():
    traced = torch.fx.symbolic_trace(model_and_inputs("CrossEntropyLoss, options")[0])
    assert "module.weight" in [node.target for node in traced.graph.nodes if node.op == "get_attr"]


def test_fx_keeps_the_errors_of_a_module():
    model, inputs = model_and_inputs("CrossEntropyLoss")
    traced = torch.fx.symbolic_trace(model)
    with pytest.raises(nn.InputError, match=r"^target must be in \[0, 2\]; got 3 at row 4\."):
        traced(inputs[0], tensor([0, 1, 2, 0, 3]))
    target = [0, 1, 2, 0, 1]
    with pytest.raises(TypeError, match=r"^target must be a torch tensor; got list\. Convert with torch\.as_tensor\.$"):
        traced(inputs[0], target)


@pytest.mark.parametrize("name", MODULES)
def test_script_calls_a_module(name):
    model, inputs = model_and_inputs(name)
    assert_close(outcome(torch.jit.script(model), inputs), outcome(model, inputs), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", MODULES)
def test_a_scripted_model_cannot_be_saved_and_torch_says_so(name, tmp_path):
    scripted = torch.jit.script(model_and_inputs(name)[0])
    with pytest.raises(RuntimeError, match="Could not export Python function call"):
        torch.jit.save(scripted, tmp_path / "model.pt")


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", MODULES)
def test_a_traced_model_can_be_saved(name, tmp_path):
    model, inputs = model_and_inputs(name)
    torch.jit.save(torch.jit.trace(model, inputs), tmp_path / "model.pt")
    loaded = torch.jit.load(tmp_path / "model.pt")
    assert_close(outcome(loaded, inputs), outcome(model, inputs))


@pytest.mark.parametrize("way", [torch.fx.symbolic_trace, torch.jit.script])
def test_the_network_of_the_tutorial_is_traced(way):
    network, inputs = nn.FeedForward(4, (5,), 3), torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    assert_close(way(network)(inputs), network(inputs))


FUNCTIONS = {
    "logits": [lw.softmax, lw.log_softmax, lw.logsumexp, lw.sigmoid, lambda z: lw.cross_entropy(z, INDICES)],
    "probabilities": [lambda p: lw.log_loss(p, INDICES)],
    "target": [lambda y: lw.binary_cross_entropy_with_logits(WEIGHT, y)],
    "sample_weight": [lambda w: lw.binary_cross_entropy_with_logits(WEIGHT, WEIGHT > 1, sample_weight=w)],
}


@pytest.mark.parametrize(("name", "function"), [(name, each) for name in FUNCTIONS for each in FUNCTIONS[name]])
def test_fx_cannot_trace_a_function_and_is_told_what_it_can(name, function):
    message = (
        f"{name} must be an array or a tensor; got a proxy of torch.fx. To trace a model, use the modules of "
        "logitwise.nn, which torch.fx records as one call."
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        torch.fx.symbolic_trace(Model(function))

"""A model as an ONNX graph: the same steps as the NumPy model, for runtimes that know nothing about this library.

The graph takes one input for each column, of shape `(rows, 1)`: float for numbers (NaN where missing), strings for
categories ("" where missing). A model without column names takes `column_0`, `column_1`, ...; one whose columns are all
numbers and have no names takes one matrix `X`, `(rows, columns)`. It gives `probabilities`, float `(rows, classes)`,
and `label`, `(rows,)`: int64, or strings for labels that are text.

Not in the graph are the matching of columns by name, the refusal of infinite values, and other spellings of categories
(1.0 for 1, True for true). Numbers enter as float64; after the inputs, the network computes in float32, as here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from logitwise._extras import needed_for
from logitwise.model.categories import Category
from logitwise.model.file import refuse_irregular, write_whole
from logitwise.model.model import SMALLEST, Model
from logitwise.model.preprocessing import CLIP, RAMP_END

OPSET, IR_VERSION = 18, 10


def export_onnx(model: Model, path: str | Path) -> Path:
    """Write a model as an ONNX file, whole or not at all, and return its path.

    Args:
        model: The model, as `logitwise.load` returns it or `Classifier.model_` holds it.
        path: The file to write.

    Raises:
        MissingPackageError: The package `onnx` is not installed.
        ModelFileError: The path is not a regular file, its folder does not exist, or it cannot be written.
    """
    target = refuse_irregular(path)
    with needed_for("Writing an ONNX graph"):
        content = _Graph(model).finished().SerializeToString()
    write_whole(target, content)
    return target


class _Graph:
    """Collects the nodes of a graph, and the numbers they use."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []

    def _proto(self, outputs: list[Any]) -> Any:
        from onnx import helper

        graph = helper.make_graph(self.nodes, "logitwise", self.inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="logitwise")

    def finished(self) -> Any:
        """Return the finished graph as ONNX represents it."""
        from onnx import TensorProto, checker, helper

        numbers, categories = self._columns()
        inputs = self._encoded(numbers, categories)
        probabilities = self._calibrated(self._vote(self._logits(inputs)))
        self.add("Cast", [probabilities], "probabilities", to=TensorProto.FLOAT)
        labels, label_type = self._labels()
        self.add("Gather", [labels, self._chosen(probabilities)], "label", axis=0)
        outputs = [
            helper.make_tensor_value_info("label", label_type, ["rows"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", len(self.model.classes)]),
        ]
        proto = self._proto(outputs)
        checker.check_model(proto, full_check=True)
        return proto

    def add(self, operation: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        from onnx import helper

        name = output or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [name], **attributes))
        return name

    def constant(self, values: Any, dtype: type | None = None) -> str:
        """Add numbers, and return their name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(values, dtype)), name))
        return name

    def _columns(self) -> tuple[str | None, list[str]]:
        """Return the matrix of all numbers, and the name of each category column."""
        from onnx import TensorProto, helper

        preprocessing = self.model.preprocessing
        if preprocessing.names is None and all(levels is None for levels in preprocessing.levels):
            shape = ["rows", preprocessing.n_columns]
            self.inputs.append(helper.make_tensor_value_info("X", TensorProto.DOUBLE, shape))
            return "X", []
        names = preprocessing.names or tuple(f"column_{place}" for place in range(preprocessing.n_columns))
        numbers, categories = [], []
        for name, levels in zip(names, preprocessing.levels, strict=True):
            dtype = TensorProto.DOUBLE if levels is None else TensorProto.STRING
            self.inputs.append(helper.make_tensor_value_info(name, dtype, ["rows", 1]))
            (numbers if levels is None else categories).append(name)
        return (self.add("Concat", numbers, axis=1) if numbers else None), categories

    def _encoded(self, numbers: str | None, categories: list[str]) -> tuple[str, str]:
        """Return the name of the inputs of the hidden layers, and that of the ramps ("" where there are none)."""
        from onnx import TensorProto

        inputs, ramps = [], ""
        preprocessing = self.model.preprocessing
        if numbers is not None:
            gaps = self.add("IsNaN", [numbers])
            filled = self.add("Where", [gaps, self.constant(preprocessing.fill), numbers])
            inputs.append(self._levelled(filled))
            if preprocessing.had_gaps.any():
                places = self.constant(np.flatnonzero(preprocessing.had_gaps), np.int64)
                kept = self.add("Gather", [gaps, places], axis=1)
                inputs.append(self.add("Cast", [kept], to=TensorProto.FLOAT))
            ramps = self._ramps(filled)
        named = zip(categories, preprocessing.categories, strict=True)
        known = [(self._codes(name, each), each) for name, each in named if each.n_one_hot + each.n_effects]
        inputs += [self._one_hot(*each) for each in known if each[1].n_one_hot]
        inputs += [self._effects(*each) for each in known if each[1].n_effects]
        return (self.add("Concat", inputs, axis=1) if len(inputs) > 1 else inputs[0]), ramps

    def _levelled(self, filled: str) -> str:
        from onnx import TensorProto

        preprocessing = self.model.preprocessing
        shifted = self.add("Sub", [filled, self.constant(preprocessing.offset)])
        z = self.add("Mul", [shifted, self.constant(preprocessing.scale)])
        third = self.add("Div", [z, self.constant(CLIP, np.float64)])
        square = self.add("Mul", [third, third])
        root = self.add("Sqrt", [self.add("Add", [square, self.constant(1.0, np.float64)])])
        return self.add("Cast", [self.add("Div", [z, root])], to=TensorProto.FLOAT)

    def _ramps(self, filled: str) -> str:
        from onnx import TensorProto

        ramps = self.model.preprocessing.ramps
        if len(ramps.column) == 0:
            return ""
        places = self.add("Gather", [filled, self.constant(ramps.column, np.int64)], axis=1)
        scaled = self.add(
            "Mul", [self.add("Sub", [places, self.constant(ramps.middle[:, 0])]), self.constant(ramps.slope[:, 0])]
        )
        low, high = self.constant(-RAMP_END, np.float64), self.constant(RAMP_END, np.float64)
        return self.add("Cast", [self.add("Clip", [scaled, low, high])], to=TensorProto.FLOAT)

    def _codes(self, name: str, category: Category) -> str:
        """Return the place of each value among the levels of a category, their number for all other values."""
        levels = category.levels
        codes = self.add(
            "LabelEncoder",
            [name],
            keys_strings=list(levels),
            values_int64s=list(range(len(levels))),
            default_int64=len(levels),
        )
        self.nodes[-1].domain = "ai.onnx.ml"
        return self.add("Squeeze", [codes, self.constant([1], np.int64)])

    def _one_hot(self, codes: str, category: Category) -> str:
        """Return the one-hot inputs of a category: a code selects a row of a table, the last one for other levels."""
        own = category.one_hot
        chosen = self.add("Min", [codes, self.constant(own, np.int64)])
        table = np.eye(own + 1, own) if len(category.levels) > 2 else np.array([[1.0], [-1.0], [0.0]])
        if own == 1:
            table = np.array([[1.0], [0.0]])
        return self.add("Gather", [self.constant(table, np.float32), chosen], axis=0)

    def _effects(self, codes: str, category: Category) -> str:
        """Return the effects of the levels of a category; of all other values they are 0."""
        table = np.zeros((len(category.levels) + 1, category.n_effects), np.float32)
        table[:-1] = category.effects
        return self.add("Gather", [self.constant(table), codes], axis=0)

    def _logits(self, inputs: tuple[str, str]) -> str:
        deep, ramps = inputs
        network = self.model.network
        every = self.add("Concat", [deep, ramps], axis=1) if ramps else deep
        linear = self.add("MatMul", [every, self.constant(network.linear)])
        logits = self.add("Add", [linear, self.constant(network.prior)])
        if network.output is None:
            return logits
        activations = deep
        for weight, bias in network.hidden:
            product = self.add("MatMul", [activations, self.constant(weight)])
            z = self.add("Add", [product, self.constant(bias)])
            activations = self.add("Mul", [z, self.add("Sigmoid", [z])])
        return self.add("Add", [logits, self.add("MatMul", [activations, self.constant(network.output)])])

    def _vote(self, logits: str) -> str:
        from onnx import TensorProto

        each = self.add("Softmax", [self.add("Cast", [logits], to=TensorProto.DOUBLE)], axis=2)
        return self.add("ReduceMean", [each, self.constant([0], np.int64)], keepdims=0)

    def _calibrated(self, vote: str) -> str:
        calibration = self.model.calibration
        logs = self.add("Log", [self.add("Max", [vote, self.constant(SMALLEST, np.float64)])])
        scaled = self.add("Mul", [logs, self.constant(calibration.scale)])
        softmax = self.add("Softmax", [self.add("Add", [scaled, self.constant(calibration.shift)])], axis=1)
        kept = self.add("Mul", [softmax, self.constant(1 - calibration.uniform, np.float64)])
        return self.add("Add", [kept, self.constant(calibration.uniform / len(calibration.scale), np.float64)])

    def _chosen(self, probabilities: str) -> str:
        if self.model.costs is None:
            return self.add("ArgMax", [probabilities], axis=1, keepdims=0)
        costs = self.add("MatMul", [probabilities, self.constant(self.model.costs)])
        return self.add("ArgMin", [costs], axis=1, keepdims=0)

    def _labels(self) -> tuple[str, int]:
        from onnx import TensorProto

        classes = self.model.classes
        if classes.dtype == object:
            return self.constant(classes.astype(str).astype(object)), TensorProto.STRING
        return self.constant(classes, np.int64), TensorProto.INT64

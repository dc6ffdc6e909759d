"""An ONNX graph says what the model says, to 1e-6, by another runtime."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import logitwise as lw
from logitwise.calibration import Calibration
from logitwise.model.model import Model, ModelFileError
from logitwise.model.network import Network
from logitwise.model.onnx_file import export_onnx
from logitwise.model.preprocessing import Preprocessing

onnxruntime = pytest.importorskip("onnxruntime")


def run_graph(path, feed):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["label", "probabilities"], feed)


def mixed(rows=300):
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "size": [None if place % 9 == 0 else float(generator.normal()) for place in range(rows)],
            "colour": [("red", "green", "blue", None)[place % 4] for place in range(rows)],
            "sex": [("f", "m")[place % 2] for place in range(rows)],
            "one": ["same"] * rows,
            "weight": generator.normal(1e6, 3, rows),
        }
    )
    y = [("no", "yes", "may be")[(place % 4 + int((value or 0) > 0)) % 3] for place, value in enumerate(frame["size"])]
    return frame, y


def feed_of(frame):
    return {
        name: (
            np.array([value or "" for value in frame[name]], dtype=object)
            if frame[name].dtype == pl.String
            else frame[name].cast(float).fill_null(np.nan).to_numpy()
        )[:, None]
        for name in frame.columns
    }


@pytest.mark.parametrize("hidden", [(), (8,), (8, 4)])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_table_with_gaps_and_categories(hidden, class_weight, tmp_path):
    frame, y = mixed()
    model = lw.Classifier(hidden, members=3, steps=60, class_weight=class_weight).fit(frame, y).model_
    path = export_onnx(model, tmp_path / "m.onnx")
    unseen = frame.with_columns(colour=pl.lit("never seen"), size=pl.lit(None, pl.Float64)).head(3)
    rows = pl.concat([frame, unseen])
    labels, probabilities = run_graph(path, feed_of(rows))
    np.testing.assert_allclose(probabilities, model.predict_proba(rows), rtol=0, atol=1e-6)
    assert labels.tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("classes", [[0, 1], [3, 5, 7], [False, True]])
def test_a_matrix_without_names(classes, tmp_path):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(300, 4))
    y = [classes[place % len(classes)] for place in range(300)]
    model = lw.Classifier((8,), members=2, steps=40).fit(X, y).model_
    labels, probabilities = run_graph(export_onnx(model, tmp_path / "m.onnx"), {"X": X})
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=0, atol=1e-6)
    assert labels.tolist() == [int(label) for label in model.predict(X)]


TWO, THREE, ONE = ("f", "m"), ("r", "g", "b"), ("same",)
LEVELS, NUMBERS = (None, TWO, THREE, None, ONE), (None, None)


def made_model(levels=LEVELS, names="nstuv", hidden=(4, 3), classes=(0, 1, 2), gaps=True, **more):
    """Return a model of numbers drawn large, so that every input tells."""
    generator = np.random.default_rng(0)
    count = sum(entry is None for entry in levels)
    knots = (np.array([-1.0, 0.0, 2.0]), *(np.zeros(0),) * (count - 1)) if count else ()
    columns = None if names is None else tuple(names[: len(levels)])
    had_gaps = (np.arange(count) % 2 == 0) & gaps
    preprocessing = Preprocessing(columns, levels, *generator.normal(size=(3, count)), had_gaps, knots)
    widths = (preprocessing.n_deep, *hidden)

    def drawn(*shape):
        return generator.normal(size=(3, *shape)).astype(np.float32)

    layers = tuple((drawn(a, b), drawn(1, b)) for a, b in zip(widths, hidden, strict=False))
    n_classes = len(classes)
    output = drawn(widths[-1], n_classes) if hidden else None
    network = Network(layers, output, drawn(preprocessing.n_inputs, n_classes), drawn(1, n_classes))
    scale, shift = generator.uniform(1, 3, n_classes), generator.normal(size=n_classes)
    calibration = Calibration(scale, shift, 0.1, "vector")
    dtype = object if isinstance(classes[0], str) else None
    return Model(np.array(classes, dtype), preprocessing, network, calibration, **more)


def texts(levels):
    return [None, "never seen", *levels, levels[-1]]


def every_row(rows=40):
    generator = np.random.default_rng(1)
    numbers = generator.normal(size=(2, rows)) * 3
    numbers[0, ::7] = numbers[1, ::5] = np.nan
    columns = {"n": numbers[0], "s": TWO, "t": THREE, "u": numbers[1], "v": ONE}
    return pl.DataFrame(
        {
            name: pl.Series(values, nan_to_null=True)
            if isinstance(values, np.ndarray)
            else [texts(values)[place] for place in generator.integers(0, len(values) + 3, rows)]
            for name, values in columns.items()
        }
    )


@pytest.mark.filterwarnings("ignore::logitwise.DataWarning")
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hidden": ()},
        {"hidden": (5,)},
        {"gaps": False},
        {"classes": ("no", "yes")},
        {"classes": (7, -3)},
        {"classes": (False, True)},
        {"classes": (2.0, -1.0)},
        {"costs": np.array([[0.0, 1.0, 9.0], [3.0, 0.0, 1.0], [1.0, 20.0, 0.0]])},
        {"levels": (None, TWO)},
        {"levels": (None, TWO, THREE)},
        {"names": None},
    ],
)
def test_every_value_of_every_kind_of_column_gives_the_same(given, tmp_path):
    model = made_model(**given)
    rows = every_row().select("n", "s", "t", "u", "v")[:, : model.n_features]
    labels, probabilities = run_graph(
        export_onnx(model, tmp_path / "m.onnx"),
        {
            name if model.feature_names else f"column_{place}": values
            for place, (name, values) in enumerate(feed_of(rows).items())
        },
    )
    expected = model.predict_proba(rows)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    assert labels.tolist() == model.predict(rows).tolist()
    assert np.ptp(expected, axis=0).max() > 0.3


@pytest.mark.parametrize("level", [TWO, THREE, ONE])
def test_a_value_that_is_none_of_the_levels_is_a_missing_one(level, tmp_path):
    path = export_onnx(made_model(levels=(level,), names="t", hidden=()), tmp_path / "m.onnx")
    values = ["", "never seen", *level]
    _, found = run_graph(path, {"t": np.array(values, object)[:, None]})
    np.testing.assert_array_equal(found[0], found[1])
    assert len(np.unique(found.round(6), axis=0)) == len(level) + 1


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("names", [None, "ab"])
def test_a_matrix_with_and_without_names(names, gaps, tmp_path):
    model = made_model(levels=NUMBERS, names=names, gaps=gaps)
    X = np.random.default_rng(1).normal(size=(30, 2)) * 3
    X[::4, 0] = X[1::4, 1] = np.nan
    feed = {"X": X} if names is None else {name: X[:, [place]] for place, name in enumerate(names)}
    _, probabilities = run_graph(export_onnx(model, tmp_path / "m.onnx"), feed)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=0, atol=1e-6)


def test_the_file_is_whole_and_its_path_is_returned(tmp_path):
    assert export_onnx(made_model(), str(tmp_path / "m.onnx")) == tmp_path / "m.onnx"
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]
    with pytest.raises(ModelFileError, match="a folder"):
        export_onnx(made_model(), tmp_path)

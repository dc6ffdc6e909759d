"""An ONNX graph says what the model says, to 1e-6, by another runtime."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import logitwise as lw
from logitwise.classifier.onnx_file import export_onnx

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

"""The classifier: what fits learn, predict and save; and the measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import harness
import numpy as np
import pandas as pd
import polars as pl
from harness import case
from scipy import sparse

import logitwise as lw

OLD = harness.HERE.parent / "model" / "version-2.safetensors"
LETTERS = np.array(["a", "b", "c", "d"], dtype=object)


def blobs(classes: int = 2, rows: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of three numbers around a centre for each class."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows)
    return generator.normal(size=(rows, 3)) + 2 * np.eye(max(classes, 3))[y][:, :3], y


def mixed(rows: int = 240) -> tuple[pl.DataFrame, list[str]]:
    """Return columns of numbers, categories, booleans and gaps, and labels that follow from some of them."""
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "size": [None if place % 9 == 0 else float(generator.normal()) for place in range(rows)],
            "colour": [("red", "green", "blue", None)[place % 4] for place in range(rows)],
            "sex": [("f", "m")[place // 3 % 2] for place in range(rows)],
            "ripe": [place % 7 > 2 for place in range(rows)],
            "weight": generator.normal(1e6, 3, rows),
            "count": generator.integers(0, 1000, rows),
        }
    )
    y = [("no", "yes", "may be")[(place % 4 + int((value or 0) > 0)) % 3] for place, value in enumerate(frame["size"])]
    return frame, y


def images(rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Return images with a bright half, upper or lower or left."""
    generator = np.random.default_rng(1)
    y = generator.integers(0, 3, rows)
    found = generator.integers(0, 120, (rows, 14, 14))
    for place, label in enumerate(y):
        part = (slice(0, 7), slice(7, 14), slice(None))[label]
        found[place][part, slice(0, 7) if label == 2 else slice(None)] += 100
    return found.astype(np.uint8), y


def small(*hidden: int, **options: Any) -> lw.Classifier:
    """Return a classifier that is quick to train."""
    return lw.Classifier(hidden, **{"members": 3, "steps": 60, "random_state": 1, **options})


def _with_pandas() -> tuple[Any, list[str]]:
    frame, y = mixed()
    found = pd.DataFrame({name: frame[name].to_list() for name in frame.columns})
    found["sex"] = found["sex"].astype("category")
    return found, y


def _objects() -> tuple[Any, list[str]]:
    frame, y = mixed(120)
    return np.array(frame.rows(), dtype=object), y


def _gaps() -> tuple[Any, Any]:
    X, y = blobs(3)
    X[::7, 1] = np.nan
    return X, y


def _heavy() -> tuple[Any, Any]:
    X, y = blobs(3)
    return np.exp(X * 2), y


def _validated(classes: int) -> dict[str, Any]:
    X, y = blobs(classes, 90, seed=5)
    return {"X_val": X, "y_val": y}


# name -> rows, options, what else fit takes
FITS: dict[str, tuple[Callable[[], tuple[Any, Any]], Callable[[], lw.Classifier], Callable[[], dict[str, Any]]]] = {
    "binary": (blobs, lambda: small(8), dict),
    "three classes": (lambda: blobs(3), lambda: small(8, 4), dict),
    "four classes, text": (lambda: (blobs(4)[0], LETTERS[blobs(4)[1]]), lambda: small(8), dict),
    "booleans": (lambda: (blobs()[0], blobs()[1] > 0), lambda: small(6), dict),
    "whole floats": (lambda: (blobs(3)[0], blobs(3)[1] * 2.0), lambda: small(6), dict),
    "linear": (lambda: blobs(3), lambda: small(), dict),
    "all default but steps": (lambda: blobs(3), lambda: lw.Classifier(steps=40), dict),
    "a mixed table": (mixed, lambda: small(8), dict),
    "a mixed table of pandas": (_with_pandas, lambda: small(8), dict),
    "objects": (_objects, lambda: small(6), dict),
    "gaps": (_gaps, lambda: small(8), dict),
    "heavy tails": (_heavy, lambda: small(8), dict),
    "float32": (lambda: (blobs(3)[0].astype(np.float32), blobs(3)[1]), lambda: small(8), dict),
    "lists": (lambda: (blobs(2, 60)[0].tolist(), blobs(2, 60)[1].tolist()), lambda: small(4), dict),
    "sparse": (lambda: (sparse.csr_matrix(blobs(3)[0].round()), blobs(3)[1]), lambda: small(4), dict),
    "images": (images, lambda: small(8, steps=30), dict),
    "images, not moved": (images, lambda: small(8, steps=30, max_shift=0), dict),
    "images, floating": (lambda: (images()[0] / 255.0, images()[1]), lambda: small(8, steps=30), dict),
    "sample weights": (lambda: blobs(3), lambda: small(8), lambda: {"sample_weight": np.arange(200) % 4 * 0.5}),
    "validation": (lambda: blobs(3), lambda: small(8), lambda: _validated(3)),
    "validation, weights": (
        lambda: blobs(3),
        lambda: small(8, class_weight="balanced", patience=0.1),
        lambda: {**_validated(3), "sample_weight": 1.0 + np.arange(200) % 3},
    ),
    "balanced": (lambda: blobs(3), lambda: small(8, class_weight="balanced"), dict),
    "a class weight": (blobs, lambda: small(8, class_weight={1: 5.0}), dict),
    "for f1": (blobs, lambda: small(8, threshold_for="f1"), dict),
    "for f1 of three": (lambda: blobs(3), lambda: small(8, threshold_for="f1"), dict),
    "for balanced accuracy": (lambda: blobs(3), lambda: small(8, threshold_for="balanced_accuracy"), dict),
    "for costs": (blobs, lambda: small(8, threshold_for=[[0, 1], [9, 0]]), dict),
    "few rows": (lambda: blobs(rows=9), lambda: small(4, epochs=12), dict),
    "other options": (
        lambda: blobs(3),
        lambda: small(8, learning_rate=0.02, batch_size=17, weight_decay=0.2, dropout=0.5, patience=0, epochs=7),
        dict,
    ),
    "no dropout, no decay": (lambda: blobs(3), lambda: small(8, dropout=0, weight_decay=0), dict),
    "many members": (lambda: blobs(3), lambda: small(5, members=11, steps=30), dict),
    "another seed": (blobs, lambda: small(8, random_state=4), dict),
    "no patience": (lambda: (blobs(seed=9)[0], blobs()[1]), lambda: small(16, steps=400, patience=0), dict),
    "patience": (
        lambda: (blobs(seed=9)[0], blobs()[1]),
        lambda: small(16, steps=400, patience=0.1),
        dict,
    ),
}  # fmt: skip


@cache
def fitted(name: str) -> tuple[Any, list[str]]:
    """Return a fitted classifier, and what the fit said."""
    rows, make, more = FITS[name]
    X, y = rows()
    found, lines = harness.said_in(lambda: make().fit(X, y, **more()))
    if isinstance(found, Exception):
        raise found
    return found, lines


def _new_rows(name: str) -> Any:
    """Return rows that the fit did not see, of its columns."""
    X, _ = FITS[name][0]()
    if name == "a mixed table":
        unseen = X.with_columns(colour=pl.lit("never seen"), size=pl.lit(None, pl.Float64)).head(3)
        return pl.concat([X.reverse(), unseen])
    if isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.ndim == 2:
        return np.concatenate([X[::-1] * 1.1, np.full((1, X.shape[1]), np.nan), np.full((1, X.shape[1]), 1e30)])
    return X


def _predictions(name: str) -> dict[str, Any]:
    classifier, _ = fitted(name)
    X = _new_rows(name)
    model = classifier.model_
    found = {
        "predict": classifier.predict(X),
        "predict_proba": classifier.predict_proba(X),
        "predict_log_proba": classifier.predict_log_proba(X),
        "decision_function": classifier.decision_function(X),
        "uncalibrated": model.uncalibrated().predict_proba(X),
    }
    batch = model.predict_batch(X)
    found["batch"] = [batch.indices, batch.probabilities, batch.unknown]
    if name != "few rows":
        found["sets"] = [classifier.predict_set(X, coverage=share / 20) for share in range(1, 18)]
    return found


def _plain(value: Any) -> Any:
    """Return fields of named results as what can be hashed."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _attributes(name: str) -> dict[str, Any]:
    classifier, lines = fitted(name)
    model = classifier.model_
    harness.REMARKS[f"classifier fit / {name}"] = [*lines, f"ended: {model.metadata['ended']}"]
    decision = (
        None
        if classifier.decision_ is None
        else [*_plain(classifier.decision_).values(), classifier.decision_.threshold]
    )
    comparison = classifier.baselines_
    return {
        "classes_": classifier.classes_,
        "n_features_in_": classifier.n_features_in_,
        "feature_names_in_": getattr(classifier, "feature_names_in_", None),
        "history_": classifier.history_,
        "best_step_": classifier.best_step_,
        "held_out_": _plain(classifier.held_out_),
        "conformal": classifier.held_out_.conformal_scores,
        "baselines_": None if comparison is None else [_plain(comparison), comparison.verdict],
        "decision_": decision,
        "notes_": classifier.notes_,
        "metadata": {key: value for key, value in model.metadata.items() if key != "versions"},
        "model": [model.classes, model.costs, model.conformal_scores, model.n_features, model.feature_names],
    }  # fmt: skip


def _saved(name: str) -> list[Any]:
    """Return the bytes of the file, and what the loaded model says."""
    classifier, _ = fitted(name)
    path = harness.folder() / "saved.safetensors"
    model = classifier.model_
    metadata = {key: value for key, value in model.metadata.items() if key != "versions"}
    replace(model, metadata=metadata).save(path)
    written = path.read_bytes()
    classifier.save(path)
    loaded = lw.load(path)
    X, y = FITS[name][0]()
    rows = _new_rows(name)
    return [
        written, loaded.predict_proba(rows), loaded.predict(rows), loaded.decision_function(rows),
        loaded.was_trained_on(X, y), loaded.class_indices(y), loaded.metadata["history"] == classifier.history_,
        bool(np.array_equal(loaded.predict_proba(rows), classifier.predict_proba(rows))),
    ]  # fmt: skip


def _in_parts() -> list[Any]:
    X, y = blobs(3, 400)
    classifier = small(8)
    found = []
    for start in (0, 200, 0):
        part = slice(start, start + 200)
        classifier.partial_fit(X[part], y[part], classes=[0, 1, 2], sample_weight=1.0 + np.arange(200) % 2)
        found += [classifier.predict_proba(X), classifier.history_, classifier.best_step_, _plain(classifier.held_out_)]
    return found


def _warm() -> list[Any]:
    X, y = blobs(3)
    classifier = small(8, warm_start=True)
    return [classifier.fit(X, y).predict_proba(X) for _ in range(3)]


def _drawn_seed() -> list[Any]:
    """Predict with seeds that are drawn; the file of such a model holds the address of the generator."""
    X, y = blobs()
    generators = (np.random.RandomState(4), np.random.default_rng(4))
    return [small(4, random_state=generator).fit(X, y).predict_proba(X) for generator in generators]


def _many_rows() -> list[Any]:
    """Predict so many rows that they are worked on in blocks."""
    classifier, _ = fitted("a mixed table")
    frame, _ = mixed(5000)
    alone = np.concatenate([classifier.predict_proba(frame[place : place + 1]) for place in range(0, 60)])
    return [classifier.predict_proba(frame), classifier.predict_proba(frame[:1]), alone]


def _with_shared_data() -> list[Any]:
    found = []
    for name in ("iris", "wine"):
        read = lw.data.read(name)
        classifier = small(8, steps=80).fit(read.features, read.target)
        found += [classifier.predict_proba(read.features), classifier.score(read.features, read.target)]
    return found


def _old() -> list[Any]:
    old = lw.load(OLD)
    X = pl.DataFrame({"size": [0.5, None, -2.0], "colour": ["red", "pink", None], "ripe": ["yes", "no", "yes"]})
    path = harness.folder() / "old.safetensors"
    old.save(path)
    return [
        old.predict_proba(X), old.predict(X), old.decision_function(X), old.metadata, old.classes, old.feature_names,
        path.read_bytes() == OLD.read_bytes(), path.read_bytes(),
    ]  # fmt: skip


def _votes(classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng([classes, rows])
    return generator.integers(0, classes, rows), generator.dirichlet(np.full(classes, 0.6), rows)


def _measures() -> None:
    metrics = lw.metrics
    for classes, rows in ((2, 50), (3, 400), (10, 1000), (2, 1), (3, 7)):
        y, p = _votes(classes, rows)
        label = f"{classes} classes, {rows} rows"
        case(f"metrics accuracy / {label}", lambda y=y, p=p: metrics.accuracy(y, p))
        case(f"metrics brier_score / {label}", lambda y=y, p=p: metrics.brier_score(y, p))
        case(
            f"metrics calibration_error / {label}",
            lambda y=y, p=p: [metrics.calibration_error(y, p, bins=bins) for bins in (1, 10, 15, 100)],
        )
        case(
            f"metrics confusion_matrix / {label}",
            lambda y=y, p=p, n=classes: metrics.confusion_matrix(y, p.argmax(1), n),
        )
        case(f"metrics summary / {label}", lambda y=y, p=p: metrics.summary(y, p))
        case(f"metrics summary_intervals / {label}", lambda y=y, p=p: _plain(metrics.summary_intervals(y, p)))
        case(f"metrics majority_baseline / {label}", lambda y=y, n=classes: metrics.majority_baseline(y, n, 5))
        case(f"metrics paired_bootstrap / {label}", lambda p=p: _bootstraps(p[:, 0] - p[:, 1]))
        if classes == 2 and rows > 1:
            case(
                f"metrics roc_auc / {label}",
                lambda y=y, p=p: [metrics.roc_auc(y, p[:, 1]), metrics.roc_auc(y, p[:, 1].round(1))],
            )
    sure = ([0, 1, 1], [[1.0, 0], [1, 0], [0, 1]])
    case("metrics / infinite", lambda: _plain([metrics.summary(*sure), metrics.summary_intervals(*sure)]))


def _bootstraps(differences: np.ndarray) -> list[Any]:
    return [
        lw.metrics.paired_bootstrap(differences),
        lw.metrics.paired_bootstrap(differences, level=0.5, resamples=37, seed=3),
    ]


def add() -> None:
    """Add the cases of this file."""
    for name in FITS:
        case(f"classifier fit / {name}", lambda n=name: _attributes(n))
        case(f"classifier predict / {name}", lambda n=name: _predictions(n))
        case(f"classifier save / {name}", lambda n=name: _saved(n))
    case("classifier partial_fit", _in_parts)
    case("classifier warm_start", _warm)
    case("classifier drawn seed", _drawn_seed)
    case("classifier many rows", _many_rows)
    case("classifier bundled data", _with_shared_data)
    case("classifier old file", _old)
    case("classifier repr", lambda: [repr(small(8)), repr(lw.Classifier()), str(lw.Classifier().get_params())])
    _measures()

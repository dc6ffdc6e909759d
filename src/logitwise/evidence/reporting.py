"""The report of a model as a page, from Python."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from logitwise._errors import InvalidTypeError, InvalidValueError
from logitwise._warnings import warn_of_data
from logitwise.classifier.rows import read_rows
from logitwise.evidence.features import readable
from logitwise.evidence.gathering import gather
from logitwise.evidence.labels import known_indices
from logitwise.evidence.rows import LabelledRows
from logitwise.model.data_warnings import DataWarning, columns_ignored
from logitwise.model.file import refuse_irregular, write_whole
from logitwise.model.model import Model
from logitwise.report_page import render
from logitwise.report_page.markup import escape as as_text

if TYPE_CHECKING:
    from logitwise.classifier.estimator import Classifier

TITLE = "This model"
TRAINED_ON = "The model was trained on these rows, so all figures look better than they are."


@dataclass(frozen=True, repr=False)
class Report:
    """A page that shows whether a model can be trusted, and where it fails. A notebook shows it by itself.

    Attributes:
        title: What the page is about.
        html: The page: one HTML document that needs nothing else, neither scripts nor a network.
    """

    title: str
    html: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all; an existing regular file is replaced.

        Raises:
            TypeError: It is no path.
            ModelFileError: The path is not a regular file, its folder does not exist, or it cannot be written.
        """
        write_whole(path, self.html.encode())

    def __str__(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<Report of {self.title!r}, {len(self.html.encode()) / 1e3:.1f} kB of HTML>"

    def _repr_html_(self) -> str:
        # A document of its own, so that its style and the notebook's leave each other alone.
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="{as_text(self.title)}: report" sandbox="" '
            'style="width: 100%; height: 50rem; border: 0"></iframe>'
        )


def report(
    model: Model | Classifier,
    X: Any,
    y: Any,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Report:
    """Return a page that shows whether a model can be trusted: what `logitwise report` writes, of the same rows.

    It tells how good the model is beside simpler ones, whether its probabilities hold, which classes are confused, how
    training went, which rows it is most confidently wrong about, and what each column is worth.

    Args:
        model: A `Model`, or a fitted `Classifier`.
        X: Rows that the model was not trained on, as `Model.predict` takes them: a DataFrame, an array, a list of rows,
            or images.
        y: Their labels, one per row, as `Classifier.fit` takes them.
        path: A file to write the page to as well, as `Report.save` does.
        title: What the page is about; None: the name of the file without its suffix, or else "This model".

    Returns:
        A `Report`. `str` of it is the page, a notebook shows it by itself, and `save` writes it.

    Raises:
        TypeError: A model of another type; labels or columns of unusable types; a title that is not text.
        ValueError: A classifier that is not fitted; no rows; lengths that differ; a label that was not seen in
            training; columns that do not fit; a path that cannot be written.

    Warns:
        DataWarning: X has columns that were not seen in training; they are ignored.

    Example:
        >>> import logitwise as lw
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> is_kept_aside = X.index % 3 == 0
        >>> classifier = lw.Classifier().fit(X[~is_kept_aside], y[~is_kept_aside])
        >>> page = lw.report(classifier, X[is_kept_aside], y[is_kept_aside], "iris.html")
        >>> "<h1><bdi>iris</bdi></h1>" in page.html
        True
    """
    if title is not None and not isinstance(title, str):
        raise InvalidTypeError("title", "be text", f"{title!r} of type {type(title).__name__}")
    file = None if path is None else refuse_irregular(path)
    fitted = _model_of(model)
    rows = _read_rows(fitted, X, y)
    if title is None:
        title = TITLE if path is None else Path(path).stem
    digest = fitted.rows_sha256(X, fitted.classes[known_indices(rows.labels, fitted.classes)])
    count = "one row" if len(rows.labels) == 1 else f"{len(rows.labels):,} rows"
    evidence = gather(fitted, rows, where=count, title=title, facts={"SHA-256 of the rows and labels": digest})
    if fitted.metadata.get("rows_sha256") == digest:
        evidence = replace(evidence, notes=[TRAINED_ON, *evidence.notes])
    made = Report(title, render(evidence))
    if file is not None:
        made.save(file)
    return made


def _model_of(model: Any) -> Model:
    fitted = getattr(model, "model_", model)
    if isinstance(fitted, Model):
        return fitted
    estimator = sys.modules.get("logitwise.classifier.estimator")
    if estimator is not None and isinstance(model, estimator.Classifier):
        raise InvalidValueError("model", "be fitted", "a Classifier that is not", advice="Call fit first.")
    advice = "Load a model file with logitwise.load, or fit a Classifier."
    got = f"a {type(model).__name__}"
    raise InvalidTypeError("model", "be a Model or a fitted Classifier of logitwise", got, advice=advice)


def _read_rows(model: Model, X: Any, y: Any) -> LabelledRows:
    if y is None:
        advice = "A report compares predictions with labels; for predictions alone, call predict_proba."
        raise InvalidValueError("y", "hold one label per row", None, advice=advice)
    table, labels = read_rows(X, y)
    features = readable(X, model)
    if model.feature_names is not None and table.names is not None:
        extra = [name for name in table.names if name not in model.feature_names]
        if extra:
            warn_of_data(DataWarning, f"X has {columns_ignored(extra)}.")
    return LabelledRows(features, labels, "", None, None, np.arange(len(labels)))

"""What a report is made from: plain data, never a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from logitwise._decision import answers, threshold_of
from logitwise._display import Displayed
from logitwise._errors import InvalidValueError
from logitwise.metrics import accuracy


@dataclass(frozen=True, repr=False)
class History(Displayed):
    """The mean log loss at each `step` where it was measured, in nats; the weights of `best_step` were kept.

    `notes` are sentences on how the training went.
    """

    step: Sequence[int]
    train_loss: Sequence[float]
    validation_loss: Sequence[float]
    best_step: int
    notes: Sequence[str] = ()


@dataclass(frozen=True, repr=False)
class Example(Displayed):
    """One row to look at: its cells by column name, or its image.

    Attributes:
        position: Which row of the evidence it is, from 0.
        number: Which row of its file it is, from 1, for the reader to find it.
        cells: Column names and values, the most telling first.
        image: uint8, shape `(height, width)`, or `(height, width, channels)` with 1, 3 or 4 channels.
    """

    position: int
    number: int
    cells: tuple[tuple[str, str], ...] = ()
    image: np.ndarray | None = None


@dataclass(frozen=True, repr=False)
class ColumnImportance(Displayed):
    """How much the log loss rises, in nats, when one column is shuffled: one number per shuffle."""

    column: str
    rises: Sequence[float]


@dataclass(frozen=True, repr=False)
class HeldOutComparison(Displayed):
    """The model beside simpler ones, on rows that were held out in training.

    Attributes:
        rows: How many.
        measures: `log_loss`, `accuracy`, `brier_score`, `calibration_error` by model; this one is "model".
        verdict: What that says, as a sentence.
        gains: The 95% interval of how much lower the model's log loss is than that of each simpler one.
        better: The simpler model that is to be preferred, by name; None where none is.
    """

    rows: int
    measures: Mapping[str, Mapping[str, float]]
    verdict: str
    gains: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    better: str | None = None


@dataclass(frozen=True, repr=False)
class Evidence(Displayed):
    """Everything that a report shows of one model on rows it was not trained on.

    Args:
        title: What the page is about: the model's name.
        where: What the rows are, in words, as in "16,281 rows of adult-test.csv".
        classes: One name per class, shape `(classes,)`.
        target: The true class of each row, as indices from 0, shape `(rows,)`.
        probabilities: Shape `(rows, classes)`.
        baselines: What the model has to beat: probabilities of the same shape, by name ("the class
            frequencies alone"). The verdict compares the model with the first.
        comparison: The model beside simpler ones in training, where that was measured.
        before_calibration: The probabilities before they were calibrated, where they were.
        calibrated_by: How they were calibrated, in words.
        costs: What it costs to answer class j where i is true, shape `(classes, classes)`, where errors do not all
            cost the same: the answer is then the class of lowest expected cost, not the most probable one.
        history: The losses of training.
        examples: Rows to look at, chosen by `confidently_wrong`.
        importance: What each column is worth.
        columns: What each column was taken for: its name, that, how many values were missing, and one of its values.
        command: The command that makes this page again.
        facts: What else it takes to repeat it, by name: versions, options, the SHA-256 of the data.
        notes: Sentences that the reader must know.
        leak: That columns give the target away, as a sentence without a full stop; empty if none does.
        copies: That many rows are copies of others, as a sentence without a full stop; empty if not.
        made_at: When the report was made, in words.
        trained_at: When the model was trained, in words.

    Raises:
        TypeError: A target that is not an integer array.
        ValueError: Shapes that do not fit; no rows; an index out of range; values that are not probabilities.
    """

    title: str
    where: str
    classes: Sequence[str]
    target: np.ndarray
    probabilities: np.ndarray
    baselines: Mapping[str, np.ndarray]
    comparison: HeldOutComparison | None = None
    before_calibration: np.ndarray | None = None
    calibrated_by: str = ""
    costs: np.ndarray | None = None
    history: History | None = None
    examples: Sequence[Example] = ()
    importance: Sequence[ColumnImportance] = ()
    columns: Sequence[tuple[str, str, str, str]] = ()
    command: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    leak: str = ""
    copies: str = ""
    made_at: str | None = None
    trained_at: str | None = None

    def __post_init__(self) -> None:
        if not self.baselines:
            raise InvalidValueError("baselines", "hold at least one prediction to compare with", "none")
        shape = (len(self.target), len(self.classes))
        for name, probabilities in self._predictions().items():
            if np.shape(probabilities) != shape:
                raise InvalidValueError(
                    name,
                    f"have shape (rows, classes), {shape}",
                    np.shape(probabilities),
                    advice="Measure the model on rows of its own classes.",
                )
            accuracy(self.target, probabilities)  # refuses what are no probabilities, no indices

    def _predictions(self) -> dict[str, np.ndarray]:
        baselines = {f"baselines[{name!r}]": probabilities for name, probabilities in self.baselines.items()}
        before = {} if self.before_calibration is None else {"before_calibration": self.before_calibration}
        return {"probabilities": self.probabilities, **before, **baselines}

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.target)

    @property
    def predicted(self) -> np.ndarray:
        """The answer for each row: the most probable class, or the one of lowest expected cost."""
        return answers(self.probabilities, self.costs)

    @property
    def threshold(self) -> float:
        """The probability of the second of two classes from which on it is the answer."""
        if self.costs is None:
            return 0.5
        return threshold_of(self.costs)

    @property
    def hits(self) -> np.ndarray:
        """Whether each row is predicted right."""
        return np.equal(self.predicted, self.target)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of each answer."""
        return self.probabilities[np.arange(self.rows), self.predicted]


def confidently_wrong(
    target: np.ndarray, probabilities: np.ndarray, at_most: int, costs: np.ndarray | None = None
) -> np.ndarray:
    """Return the positions of the wrong answers, the most confident first, `at_most` of them.

    Example:
        >>> confidently_wrong(np.array([0, 0, 0]), np.array([[0.4, 0.6], [0.1, 0.9], [0.8, 0.2]]), at_most=10).tolist()
        [1, 0]
    """
    answered = answers(probabilities, costs)
    wrong = np.flatnonzero(answered != target)
    return wrong[np.argsort(-probabilities[wrong, answered[wrong]], kind="stable")][:at_most]

"""The columns of training, found in what is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from logitwise._errors import InvalidValueError
from logitwise._listing import listed
from logitwise.cli.door import say
from logitwise.evidence.features import is_table
from logitwise.evidence.record import Record
from logitwise.model.data_warnings import columns_ignored
from logitwise.model.model import Model

COLUMNS_SHOWN = 20


@dataclass(frozen=True)
class Columns:
    """The columns of training.

    Attributes:
        names: Their names; None where there were none.
        n_features: Their number.
        target_name: The name of the target.
        used: The names of those that are needed to predict; None: all.
    """

    names: Sequence[str] | None
    n_features: int
    target_name: str | None
    used: Sequence[str] | None = None

    @classmethod
    def of_model(cls, model: Model) -> Columns:
        """Return the columns that a model was trained on."""
        return cls(model.feature_names, model.n_features, Record.of(model).target_name, model.used_names)

    def of(self, features: Any, has_header: bool | None, argument: str) -> Any:
        """Return these columns of a table, in their order; `argument` is what to call it in a message.

        Arrays are left as they are.
        """
        if is_table(features):
            return self.choice(features.columns, has_header, argument)(features)
        self.refuse_other_count(int(np.prod(features.shape[1:])), argument)
        return features

    def choice(self, given: Sequence[str], has_header: bool | None, argument: str) -> Callable[[Any], Any]:
        """Return what takes these columns, in their order, from tables whose columns are `given`.

        By name; but a file without a header that has just as many columns as training had features leaves the target
        out, so that its columns are taken in order. Columns not seen in training are ignored, and counted in a note.
        """
        names = self.names
        if names is None:
            self.refuse_other_count(len(given), argument)
            return lambda table: table
        used = names if self.used is None else self.used
        if has_header is False and len(given) == len(names):
            return lambda table: table.rename(dict(zip(given, names, strict=True))).select(used)
        missing = [name for name in used if name not in given]
        if missing and has_header and names[0].startswith("column_") and len(given) in (len(names), len(names) + 1):
            return self._by_place(given)
        if missing:
            raise self._missing(missing, len(given), has_header, argument)
        extra = [name for name in given if name not in {*names, self.target_name}]
        if has_header is False and len(extra) > len(given) / 2:  # another table, whose first columns would be taken
            raise self._missing([], len(given), has_header, argument)
        if extra:
            say(f"logitwise: note: {argument} has {columns_ignored(extra)}.")
        return lambda table: table.select(used)

    def _by_place(self, given: Sequence[str]) -> Callable[[Any], Any]:
        """Return what takes columns by their place, of a file with a header where training had none.

        Those of training are called by their places, the target's aside, which may be there.
        """
        names = self.names or ()
        if len(given) == len(names):
            places = dict(zip(given, names, strict=True))
        else:
            places = {name: f"column_{place}" for place, name in enumerate(given)}
        used = names if self.used is None else self.used
        return lambda table: table.rename(places).select(used)

    def refuse_other_count(self, count: int, argument: str) -> None:
        """Raise unless rows have as many features as in training."""
        if count != self.n_features:
            raise InvalidValueError(argument, f"have {self.n_features} features per row, as in training", count)

    def _missing(self, missing: list[str], n_given: int, has_header: bool | None, argument: str) -> InvalidValueError:
        if has_header is False:
            requirement = (
                f"have the {self.n_features} feature columns of training, in order, with or without the target"
            )
            return InvalidValueError(argument, requirement, f"{n_given} columns", advice="Is it the right file?")
        got = f"none named {listed(missing, COLUMNS_SHOWN, quoted=True)}"
        return InvalidValueError(argument, "have every column of training", got, advice="Add or rename columns.")

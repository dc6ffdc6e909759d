"""A mean over nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from logitwise import _warnings
from logitwise._arrays import as_float64
from logitwise._warnings import warn


def warn_of_no_rows(unit: str, class_weight: Any = None) -> None:
    """Warn of a mean over no rows or elements, or of none with a weight.

    Args:
        unit: What the mean is over: "rows" or "elements".
        class_weight: The class weights, if they alone leave every row without weight; else None.
    """
    if class_weight is None:
        warn(
            _warnings.NoRowsWarning,
            f"the mean loss must be over one or more {unit}; got none: all are ignored or have weight 0, or there are "
            "none. The mean loss is 0.",
        )
        return
    zero = [int(k) for k in np.flatnonzero(as_float64(class_weight) == 0)]
    listed = ", ".join(map(str, zero[:5])) + (", ..." if len(zero) > 5 else "")
    warn(
        _warnings.ZeroClassWeightWarning,
        f"class_weight must be above 0 for a class that is present; got weight 0 for every class of the {unit} used "
        f"(classes of weight 0: {listed}). The mean loss is 0: check the weights and how the classes "
        "are numbered.",
    )

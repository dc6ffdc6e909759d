"""Warnings about suspicious inputs of the losses: each names the row, the class, the value and the fix.

Good inputs cost next to nothing: one row tells almost any logits from probabilities, logits are searched only after a
loss that is not finite, and what takes a second computation is tried for a rare shape only (a square).
"""

from logitwise.functional._suspicions.binary_cross_entropy import (
    warn_of_axis_of_pos_weight,
    warn_of_binary_logits,
    warn_of_binary_losses,
    warn_of_binary_probabilities,
)
from logitwise.functional._suspicions.cross_entropy import (
    warn_of_logits,
    warn_of_losses,
    warn_of_sums,
)
from logitwise.functional._suspicions.graph import ending_of, may_end_in_activation, warn_of_graph
from logitwise.functional._suspicions.kl_divergence import warn_of_divergence, warn_of_divergences
from logitwise.functional._suspicions.log_loss import (
    warn_of_impossible_targets,
    warn_of_single_row,
    warn_of_sums_of_probabilities,
)
from logitwise.functional._suspicions.reduction import warn_of_no_rows

__all__ = [
    "ending_of",
    "may_end_in_activation",
    "warn_of_axis_of_pos_weight",
    "warn_of_binary_logits",
    "warn_of_binary_losses",
    "warn_of_binary_probabilities",
    "warn_of_divergence",
    "warn_of_divergences",
    "warn_of_graph",
    "warn_of_impossible_targets",
    "warn_of_logits",
    "warn_of_losses",
    "warn_of_no_rows",
    "warn_of_single_row",
    "warn_of_sums",
    "warn_of_sums_of_probabilities",
]

"""The report: one self-contained HTML page that shows whether a classifier can be trusted, and where it fails."""

from __future__ import annotations

from logitwise.report_page.evidence import (
    ColumnImportance,
    Evidence,
    Example,
    HeldOutComparison,
    History,
    confidently_wrong,
)
from logitwise.report_page.page import render, verdict_in_words

__all__ = [
    "ColumnImportance",
    "Evidence",
    "Example",
    "HeldOutComparison",
    "History",
    "confidently_wrong",
    "render",
    "verdict_in_words",
]

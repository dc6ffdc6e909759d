"""The report: one self-contained HTML page that shows whether a classifier can be trusted, and where it fails."""

from __future__ import annotations

from logitwise.report.evidence import ColumnImportance, Comparison, Evidence, Example, History, confidently_wrong
from logitwise.report.page import render

__all__ = ["ColumnImportance", "Comparison", "Evidence", "Example", "History", "confidently_wrong", "render"]

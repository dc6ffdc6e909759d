"""Fixtures of the command line's tests, for what it shares with Python."""

from cli.conftest import folder, fruit, run

__all__ = ["folder", "fruit", "run"]

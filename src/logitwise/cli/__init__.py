"""The command line: parse, call, print; no computation.

`commands` holds the commands, one function each, `options` what may be typed behind them, and `train_command` the steps
of the longest. `config` reads options from a file, `sources` and `columns` the inputs; `results` prints, `predictions`
and `pages` write, `progress` shows a bar. `names` holds what arguments are called here, and `door` turns every error
into one sentence. All that is computed comes from `logitwise.evidence`, `classifier` and `model`.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run `logitwise` with the arguments of this process; never returns."""
    if sys.argv[1:2] == ["predict"]:  # it predicts in threads of its own: those of OpenBLAS only got in their way
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from logitwise.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name != "typer":  # absent where this library was installed for predicting, with NumPy alone
            raise
        sys.stderr.write("logitwise: error: The command needs typer, which is not installed. Run: pip install typer\n")
        sys.exit(2)
    app(prog_name="logitwise")

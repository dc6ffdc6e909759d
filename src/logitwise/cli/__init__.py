"""The command line: parse, call, print; no computation.

`commands` holds the commands, one function each. `config` reads their options from a file, `sources` their inputs;
`labels` matches classes, `training` trains and measures, `parts` predicts under a progress bar, `evidence` gathers what
a report shows; `results` prints, `predictions` and `pages` write, and `door` turns every error into one sentence.
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

        app(prog_name="logitwise")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "logitwise":
            raise
        sys.stderr.write(
            f"logitwise: error: the command line must have the packages it is built on; got no {error.name!r}. "
            "Run: pip install 'logitwise[train]'\n"
        )
        sys.exit(2)

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

        app(prog_name="logitwise")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "logitwise":
            raise
        if sys.argv[1:] == ["warm-up"]:
            _warm_up()
            sys.exit(0)
        sys.stderr.write(
            f"logitwise: error: the command line must have the packages it is built on; got no {error.name!r}. "
            "Run: pip install 'logitwise[train]'\n"
        )
        sys.exit(2)


def _warm_up() -> None:
    """Compile the kernels without the packages that the other commands need."""
    from logitwise.warm_up import warm_up

    warm_up(lambda line: sys.stderr.write(f"{line}\n"))

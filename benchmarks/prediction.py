"""`python -m benchmarks.prediction [--rows 1000000] [--save]`: files, single rows, start-up, and large model files.

The peer is a scikit-learn pipeline (StandardScaler, MLPClassifier with hidden layers of the same widths) that reads the
same file with pandas and writes the same CSV. Each measurement is a process of its own where memory is told, and takes
turns with its peer.
"""

from __future__ import annotations

import argparse
import datetime
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results-prediction.md"
COLUMNS, HIDDEN = 20, (64, 64)
PEER = """
import pickle, sys, pandas as pd
pipeline = pickle.load(open(sys.argv[1], "rb"))
frame = pd.read_csv(sys.argv[2])
table = pd.DataFrame(pipeline.predict_proba(frame), columns=[f"probability_{c}" for c in pipeline.classes_])
table.insert(0, "prediction", pipeline.classes_[table.to_numpy().argmax(axis=1)])
table.to_csv(sys.argv[3], index=False)
"""


def main() -> None:
    options = _options()
    lines = [f"## {datetime.date.today()}: {_machine()}", ""]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make(folder, options.rows)
        for measured in (_row_lines, _start_lines, _large_lines, _file_lines):
            part = measured(folder, options)
            print("\n".join(part), flush=True)
            lines += part
    if options.save:
        with RESULTS.open("a") as file:
            file.write("\n".join(lines) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often each process is run")
    parser.add_argument("--save", action="store_true", help=f"append to {RESULTS.name}")
    return parser.parse_args()


def _machine() -> str:
    names = ("logitwise", "numpy", "polars", "pandas", "scikit-learn")
    return f"{os.cpu_count()} cores, " + ", ".join(f"{name} {version(name)}" for name in names)


def _make(folder: Path, rows: int) -> None:
    """Train both on the same rows, and write the file to predict."""
    import pandas as pd
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import logitwise as lw

    warnings.simplefilter("ignore")
    generator = np.random.default_rng(0)
    names = [f"feature_{place}" for place in range(COLUMNS)]
    X = pd.DataFrame(generator.normal(size=(3000, COLUMNS)), columns=names)
    y = (X["feature_0"] + X["feature_1"] * X["feature_2"] > 0).astype(int)
    lw.Classifier(HIDDEN, steps=300).fit(X, y).save(folder / "model.safetensors")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(HIDDEN, random_state=0)).fit(X, y)
    (folder / "pipeline.pickle").write_bytes(pickle.dumps(pipeline))
    import polars as pl

    pl.DataFrame(generator.normal(size=(rows, COLUMNS)).round(6), schema=names).write_csv(folder / "rows.csv")
    pl.read_csv(folder / "rows.csv", n_rows=1).write_csv(folder / "one.csv")


def _run(args: list[str]) -> tuple[float, float, float]:
    """Run a process; return its seconds, its processor seconds, and its peak memory in MB.

    The peak is read while it runs: what the system tells at the end counts the memory of this process too.
    """
    started, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        peak = max(peak, _peak(process.pid))
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, args
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, peak


def _peak(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def _file_lines(folder: Path, options: argparse.Namespace) -> list[str]:
    data, rows = str(folder / "rows.csv"), options.rows
    ours_file, theirs_file = str(folder / "ours.csv"), str(folder / "theirs.csv")
    model, pipeline = str(folder / "model.safetensors"), str(folder / "pipeline.pickle")
    calls = {
        "logitwise predict": [sys.executable, "-m", "logitwise", "predict", model, data, "-o", ours_file],
        "pandas, scikit-learn": [sys.executable, "-c", PEER, pipeline, data, theirs_file],
    }
    seen = {name: [] for name in calls}
    for _ in range(options.rounds):
        for name, call in calls.items():
            seen[name].append(_run(call))
    ours = seen["logitwise predict"]
    size = os.path.getsize(data) / 1e6
    lines = [f"### A CSV of {rows:,} rows, {COLUMNS} columns, {size:.0f} MB, to a CSV of predictions", ""]
    lines += ["| | seconds | / ours | processor seconds | / ours | rows per second | peak MB |", "|" + " --- |" * 7]
    for name, found in seen.items():
        seconds, processor, peak = (statistics.median(column) for column in zip(*found, strict=True))
        ratios = [
            statistics.median(one[place] / own[place] for one, own in zip(found, ours, strict=True)) for place in (0, 1)
        ]
        cells = [name, f"{seconds:.1f}", f"{ratios[0]:.2f}", f"{processor:.1f}", f"{ratios[1]:.2f}"]
        lines.append("| " + " | ".join([*cells, f"{rows / seconds:,.0f}", f"{peak:.0f}"]) + " |")
    return [*lines, ""]


def _row_lines(folder: Path, options: argparse.Namespace) -> list[str]:
    import pandas as pd

    import logitwise as lw

    model = lw.load(folder / "model.safetensors")
    pipeline = pickle.loads((folder / "pipeline.pickle").read_bytes())
    frame = pd.read_csv(folder / "one.csv")
    array = frame.to_numpy()
    lines = ["### One row: `predict_proba`, microseconds", "", "| row | logitwise | scikit-learn | / ours |"]
    lines.append("| --- | --- | --- | --- |")
    for name, row in (("array", array), ("pandas DataFrame", frame)):
        ours, theirs = _paired(lambda row=row: model.predict_proba(row), lambda row=row: pipeline.predict_proba(row))
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        lines.append(f"| {name} | {statistics.median(ours):.0f} | {statistics.median(theirs):.0f} | {ratio:.2f} |")
    return [*lines, ""]


def _paired(first, second, rounds: int = 15, repeats: int = 100) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peer was fitted with names
        for call in (first, second):
            call()
        for _ in range(rounds):
            for seen, call in zip(times, (first, second), strict=True):
                started = time.perf_counter()
                for _ in range(repeats):
                    call()
                seen.append((time.perf_counter() - started) / repeats * 1e6)
    return times


def _start_lines(folder: Path, options: argparse.Namespace) -> list[str]:
    one = [sys.executable, "-m", "logitwise", "predict", str(folder / "model.safetensors"), str(folder / "one.csv")]
    base = [sys.executable, "-c", "import numpy, polars"]
    seen = [(_run(base)[0], _run(one)[0]) for _ in range(3 * options.rounds)]
    ratio = statistics.median(b / a for a, b in seen)
    base_seconds, seconds = (statistics.median(column) for column in zip(*seen, strict=True))
    return [
        "### Start-up",
        "",
        f"`logitwise predict` of one row, from start to end: {seconds:.2f} s, {ratio:.2f} times `import numpy, polars` "
        f"({base_seconds:.2f} s).",
        "",
    ]


LARGE = """
import sys, time, numpy as np
from logitwise.calibration import Calibration
from logitwise.model.model import Model, load
from logitwise.model.network import Network
from logitwise.model.preprocessing import Preprocessing
def peak():
    return next(int(line.split()[1]) / 1000 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def reset():
    open("/proc/self/clear_refs", "w").write("5")
none, draw = np.zeros(0), lambda *shape: np.random.default_rng(0).normal(size=shape).astype(np.float32)
if sys.argv[1] == "save":
    numbers = np.zeros((3, 1000))
    pre = Preprocessing(None, (None,) * 1000, *numbers, np.zeros(1000, bool), (none,) * 1000)
    hidden = ((draw(8, 1000, 800), draw(8, 1, 800)), (draw(8, 800, 560), draw(8, 1, 560)))
    network = Network(hidden, draw(8, 560, 10), draw(8, 1000, 10), draw(8, 1, 10))
    size = sum(tensor.size for tensor in network.tensors().values())
    model = Model(np.arange(10), pre, network, Calibration.none(10))
    reset()
    before, started = peak(), time.perf_counter()
    model.save(sys.argv[2])
else:
    before, size, started = peak(), 0, time.perf_counter()
    model = load(sys.argv[2])
print(size, time.perf_counter() - started, peak() - before)
"""


def _large_lines(folder: Path, options: argparse.Namespace) -> list[str]:
    import hashlib

    path = folder / "large.safetensors"
    results = {}
    for what in ("save", "load"):
        call = [sys.executable, "-c", LARGE, what, str(path)]
        found = [subprocess.run(call, capture_output=True, text=True, check=True) for _ in range(options.rounds)]
        rows = [[float(word) for word in one.stdout.split()] for one in found]
        results[what] = [statistics.median(column) for column in zip(*rows, strict=True)]
    content = path.read_bytes()
    started = time.perf_counter()
    hashlib.sha256(content).digest()
    hashing = time.perf_counter() - started
    started = time.perf_counter()
    with open(folder / "copy", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    writing = time.perf_counter() - started
    parameters, mega = results["save"][0], len(content) / 1e6
    lines = [f"### A model of {parameters / 1e6:.1f} million parameters, {mega:.0f} MB", ""]
    lines += ["| | ms | additional memory, MB |", "| --- | --- | --- |"]
    for what, (_, seconds, raised) in results.items():
        lines.append(f"| {what} | {seconds * 1e3:.0f} | {raised:.0f} |")
    lines += [f"| SHA-256 of as many bytes | {hashing * 1e3:.0f} | |"]
    lines += [f"| write and fsync of as many bytes | {writing * 1e3:.0f} | |", ""]
    return lines


if __name__ == "__main__":
    main()

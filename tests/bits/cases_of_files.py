"""The readers, and the command line: what they read, print, write and refuse."""

from __future__ import annotations

import ast
import contextlib
import gzip
import io
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cases_of_wrong
import harness
import numpy as np
import polars as pl
from harness import HERE, case, folder, message, plain

import logitwise as lw

SMALL = "--hidden 8 --epochs 30 --learning-rate 0.03 --seed 3"
FRUIT, LONGEST = 120, 4000
FILES = {
    "fruit.csv": "size,colour,label\n" + "1,red,ripe\n2,green,raw\n" * 20,
    "bare.csv": "1,red,ripe\n2,green,raw\n" * 20,
    "narrow.csv": "1\n2\n3\n",
    "nothing.csv": "",
    "header.csv": "size,colour,label\n",
    "ragged.csv": "size,label\n1,a\n2\n",
    "one.csv": "size,label\n1,a\n2,a\n",
    "each.csv": "size,label\n1,a\n2,b\n3,c\n",
    "measured.csv": "size,label\n1,0.5\n2,1.5\n3,0.5\n",
    "few.csv": "size,label\n1,a\n2,a\n3,b\n",
    "stops.csv": "size,colour,label\n1,red,ripe.\n2,green,raw.\n",
    "rotten.csv": "size,colour,label\n1,red,rip\n2,green,raw\n",
    "far.csv": "size,colour,label\n1,red,blue sky\n2,green,raw\n3,red,7\n4,red,8\n5,red,9\n",
    "colourless.csv": "size,label\n1,ripe\n2,raw\n",
    "other.csv": "length,width\n1,2\n",
    "text.csv": "size,colour,label\nbig,red,ripe\n2,green,raw\n",
    "unlabelled.csv": "size,colour,label\n1,red,\n2,green,raw\n",
    "text.safetensors": "hello",
    "c.toml": "epochs = 1\n",
    "odd.toml": "epoch = 1\n",
    "broken.toml": "epochs = \n",
}


def _rows(n_rows: int, seed: int) -> str:
    """Return a table of size, colour and label, which follows from both but for some noise; with some gaps."""
    generator = np.random.default_rng(seed)
    sizes = generator.normal(size=n_rows).round(3)
    colours = generator.choice(["red", "green", "blue"], n_rows)
    labels = np.where(sizes + (colours == "red") + generator.normal(0, 0.3, n_rows) > 0.5, "ripe", "raw")
    lines = [f"{s if i % 11 else ''},{c},{y}" for i, (s, c, y) in enumerate(zip(sizes, colours, labels, strict=True))]
    return "\n".join(["size,colour,label", *lines]) + "\n"


def command(words: str) -> list[Any]:
    """Run the program in this process; return its exit code and what it printed, without times and folders."""
    from logitwise.cli import main

    out, err = io.StringIO(), io.StringIO()
    before = sys.argv, dict(os.environ)
    sys.argv = ["logitwise", *shlex.split(words)]
    code: Any = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as left:
        code = left.code
    finally:
        sys.argv = before[0]
        os.environ.clear()
        os.environ.update(before[1])
    return [code, *(_normal(text.getvalue()) for text in (out, err))]


def _normal(text: str) -> str:
    text = re.sub(r"after \d+\.\d s\.", "after SOME s.", plain(text))
    return text


@cache
def good() -> Path:
    """Return a folder with made tables, arrays and images, and models trained on some of them."""
    place = folder() / "good"
    place.mkdir()
    (place / "fruit.csv").write_text(_rows(FRUIT, 1), encoding="utf-8")
    (place / "more.csv").write_text(_rows(60, 2), encoding="utf-8")
    generator = np.random.default_rng(0)
    y = np.arange(60) % 3
    np.savez(place / "arrays.npz", X=generator.normal(size=(60, 4)) + y[:, None], y=y)
    np.save(place / "X.npy", generator.normal(size=(5, 4)))
    images = generator.integers(0, 100, (60, 6, 6)).astype(np.uint8)
    images[np.arange(60), y, :] += 120
    (place / "idx").mkdir()
    for name, array in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", y.astype(np.uint8))):
        (place / "idx" / name).write_bytes(idx(array))
    for name, array in (("t10k-images-idx3-ubyte", images[:20]), ("t10k-labels-idx1-ubyte", y[:20].astype(np.uint8))):
        (place / "idx" / (name + ".gz")).write_bytes(gzip.compress(idx(array), mtime=0))
    pl.DataFrame({"a": [1, None, 3], "b": ["x", "y", None], "c": [True, False, None]}).write_parquet(
        place / "t.parquet"
    )
    (place / "c.toml").write_text('hidden = "4"\nepochs = 3\ntarget = "label"\nquiet = true\n', encoding="utf-8")
    os.chdir(place)
    for words in (
        f"train fruit.csv --target label --quiet {SMALL}",
        "train arrays.npz --model arrays.safetensors --quiet --epochs 20 --hidden 6",
        "train idx --model idx.safetensors --quiet --epochs 5 --hidden 6",
    ):
        assert command(words)[0] == 0, (words, command(words))
    return place


def idx(array: np.ndarray) -> bytes:
    """Return an array as the bytes of an IDX file."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(">u1").tobytes()


@cache
def bad() -> Path:
    """Return a folder with all that can go wrong."""
    place = folder() / "bad"
    place.mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "empty").mkdir()
    (place / "folder.csv").mkdir()
    os.mkfifo(place / "pipe")
    y = np.arange(20) % 2
    np.save(place / "X.npy", np.zeros((3, 2)))
    np.save(place / "cube.npy", np.zeros((3, 2, 3)))
    np.savez(place / "arrays.npz", X=np.random.default_rng(0).normal(size=(20, 2)), y=y)
    np.savez(place / "other.npz", X=np.zeros((20, 3)), y=y)
    shutil.copy(good() / "fruit.safetensors", place / "fruit.safetensors")
    whole = (place / "fruit.safetensors").read_bytes()
    (place / "cut.safetensors").write_bytes(whole[:200])
    (place / "shorter.safetensors").write_bytes(whole[:-5])
    (place / "flipped.safetensors").write_bytes(whole[:-50] + bytes([whole[-50] ^ 4]) + whole[-49:])
    (place / "blank.safetensors").write_bytes(b"")
    from safetensors.numpy import load_file, save_file

    save_file(load_file(place / "fruit.safetensors"), place / "foreign.safetensors")
    model = lw.load(place / "fruit.safetensors")
    entries = {"odd": {"rows": "many"}, "short": {"class_counts": [3]}, "nameless": {"target_name": None}}
    for name, entry in entries.items():
        replace(model, metadata={**model.metadata, **entry}).save(place / f"{name}.safetensors")
    rows = lw.data.read(place / "bare.csv", target=-1)
    bare = lw.Classifier(hidden=(), members=2, epochs=1).fit(rows.features, rows.target).model_
    metadata = {"has_header": False, "target_name": "column_2"}
    replace(bare, metadata=metadata).save(place / "bare.safetensors")
    return place


def _refused(words: str) -> None:
    """Run a command that is refused, and say what it said."""
    os.chdir(bad())
    code, out, err = command(words)
    harness.REMARKS[f"command refused / {words}"] = [f"{code}", out, err]


# What to run in a fresh copy of the good folder, and which files to look at.
COMMANDS: list[tuple[str, tuple[str, ...]]] = [
    (f"train fruit.csv --target label {SMALL}", ("fruit.safetensors",)),
    (f"train fruit.csv --target label --json {SMALL}", ("fruit.safetensors",)),
    (f"train fruit.csv --target -1 --test more.csv --model m.safetensors --report r.html {SMALL}", ("r.html",)),
    (f"train fruit.csv --target label --report own.html --quiet {SMALL}", ("own.html",)),
    ("train arrays.npz --hidden '' --epochs 5 --model n.safetensors --report n.html", ("n.html",)),
    ("train idx --hidden 6 --epochs 5 --model i.safetensors --report i.html", ("i.html", "i.safetensors")),
    ("train fruit.csv --config c.toml", ("fruit.safetensors",)),
    ("train fruit.csv --config c.toml --epochs 2 --json", ()),
    ("train --show-config", ()),
    ("train iris --hidden 6 --epochs 8 --json", ()),
    ("evaluate fruit.safetensors more.csv", ()),
    ("evaluate fruit.safetensors more.csv --json", ()),
    ("evaluate fruit.safetensors fruit.csv", ()),
    ("evaluate arrays.safetensors arrays.npz --json", ()),
    ("evaluate idx.safetensors idx", ()),
    ("predict fruit.safetensors more.csv", ()),
    ("predict fruit.safetensors more.csv --json", ()),
    ("predict fruit.safetensors more.csv -o p.csv", ("p.csv",)),
    ("predict fruit.safetensors more.csv -o p.parquet --json", ()),
    ("predict arrays.safetensors X.npy", ()),
    ("predict idx.safetensors idx", ()),
    ("report fruit.safetensors more.csv", ("fruit.html",)),
    ("report fruit.safetensors more.csv -o again.html --json", ("again.html",)),
    ("report idx.safetensors idx -o idx.html", ("idx.html",)),
    ("report arrays.safetensors arrays.npz -o a.html", ("a.html",)),
    ("info fruit.safetensors", ()),
    ("info fruit.safetensors --json", ()),
    ("info arrays.safetensors", ()),
    ("info idx.safetensors --json", ()),
    ("export fruit.safetensors fruit.onnx", ("fruit.onnx",)),
    ("export arrays.safetensors arrays.onnx", ("arrays.onnx",)),
    ("explain 2.0 1.0 0.1", ()),
    ("explain 2.0 1.0 0.1 --target 0", ()),
    ("explain 2.0 -1.0 0.1 --names cat,dog,bird --target cat --temperature 3", ()),
    ("explain 2.0 -1.0 0.1 --names cat,dog,bird --target cat --json", ()),
    ("explain 2 1 0 --html e.html", ("e.html",)),
    ("explain 0.3 -1.2 1.7 --target 2 --temperature 3 --names cat,dog,bird --html e.html --json", ("e.html",)),
    ("--version", ()),
    ("--help", ()),
    ("", ()),
    *[(f"{name} --help", ()) for name in ("train", "evaluate", "predict", "report", "info", "export", "explain")],
]


def _ran(words: str, files: tuple[str, ...]) -> list[Any]:
    place = folder() / "fresh"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(good(), place)
    os.chdir(place)
    try:
        found = command(words)
        written = {name: (place / name).read_bytes() for name in files if (place / name).exists()}
        if len(found[1]) < LONGEST:  # what is read by people is kept as it is
            harness.REMARKS[f"command / {words}"] = found[1:]
            found = found[:1]
        return [*found, sorted(os.listdir()), written]
    finally:
        os.chdir(folder())


def _by_itself() -> list[Any]:
    """Run the program as a program."""
    os.chdir(good())
    found = []
    for words in ("evaluate fruit.safetensors more.csv --json", "predict fruit.safetensors more.csv", "explain 2 x"):
        run = [sys.executable, "-m", "logitwise", *words.split()]
        result = subprocess.run(run, capture_output=True, text=True, check=False)
        found += [result.returncode, _normal(result.stdout), _normal(result.stderr)]
    return found


def _dataset(found: Any) -> dict[str, Any]:
    """Return all that a reader tells, as what can be hashed."""
    features = found.features
    if isinstance(features, pl.DataFrame):
        features = [features.columns, [str(dtype) for dtype in features.dtypes], features.to_dict(as_series=False)]
    told = {name: getattr(found, name) for name in found.__dataclass_fields__ if name not in ("features", "test")}
    test = getattr(found, "test", None)
    return {"features": features, **told, "test": None if test is None else _dataset(test)}


def _read(content: bytes, options: dict[str, Any], name: str = "table.csv") -> Any:
    path = folder() / name
    path.write_bytes(content)
    return _dataset(lw.data.read(path, **options))


def _readers() -> None:
    for line in cases_of_wrong.lines(HERE / "texts.txt"):
        name, text = ast.literal_eval(line)
        case(
            f"data text / {name}",
            lambda t=text: [_read(t.encode(), {}), _read(gzip.compress(t.encode()), {}, "table.csv.gz")],
        )
    for line in cases_of_wrong.lines(HERE / "wrong" / "texts.txt"):
        name, content, options = ast.literal_eval(line)
        message(f"data refused / {name}", lambda c=content, o=options: _read(c, o))
    table = "size,colour,label\n1,red,yes.\n,green,no.\n3.5,?,\n"
    for options in (
        {"target": "label", "drop_unlabelled": True}, {"target": -1, "label_strip": ".", "drop_unlabelled": True},
        {"target": "0", "drop_unlabelled": True}, {"header": False}, {"header": True, "target": "colour"},
        {"target": "labels"}, {"target": 7},
    ):  # fmt: skip
        case(f"data options / {options}", lambda o=options: _refusable(lambda: _read(table.encode(), o)))
    for name in lw.data.BUNDLED:
        case(f"data bundled / {name}", lambda n=name: _dataset(lw.data.read(n)))
    for name in ("arrays.npz", "X.npy", "idx", "idx/train-images-idx3-ubyte", "idx/t10k-images-idx3-ubyte.gz"):
        case(f"data file / {name}", lambda n=name: _dataset(lw.data.read(good() / n)))
    case("data file / parquet", lambda: _dataset(lw.data.read(good() / "t.parquet")))
    case("data nearest", lambda: [lw.data.nearest(w, ["label", "size", "colour"]) for w in ("lable", "zzz", "sise")])
    case("data is_table_file", lambda: [lw.data.is_table_file(good() / n) for n in ("fruit.csv", "idx", "arrays.npz")])
    for name in ("a.txt.zip", "none.csv", "idx/none", "good"):
        message(f"data check_source / {name}", lambda n=name: lw.data.check_source(good() / n))


def _refusable(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (TypeError, ValueError) as error:
        return [type(error).__name__, plain(str(error))]


def add() -> None:
    """Add the cases of this file."""
    _readers()
    for words, files in COMMANDS:
        case(f"command / {words}", lambda w=words, f=files: _ran(w, f))
    case("command as a program", _by_itself)
    for words in cases_of_wrong.lines(HERE / "wrong" / "commands.txt"):
        message(f"command refused / {words}", lambda w=words: _refused(w))
    for name in (
        "text", "cut", "shorter", "flipped", "blank", "foreign", "odd", "none",
    ):  # fmt: skip
        message(f"load refused / {name}", lambda n=name: lw.load(bad() / f"{n}.safetensors"))
    message("load refused / a folder", lambda: lw.load(bad()))
    message("load refused / a pipe", lambda: lw.load(bad() / "pipe"))
    message("load refused / a number", lambda: lw.load(3.5))

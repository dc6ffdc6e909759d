"""The house rules: which room may import which, that no imports run in a circle, and who may import a framework."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "logitwise"
FILES = sorted(PACKAGE.rglob("*.py"))
INNER_ROOMS = {"functional"}  # whose own files and folders are rooms too; those without an underscore are its doors

# Which rooms a room imports, besides itself. A room is a file or a folder of the package. What is not here is not
# allowed, and what nobody uses must go: this table is true in both directions.
IMPORTS = {
    "__init__": {
        "_errors", "_extras", "_threads", "_warnings", "calibration", "classifier", "data", "diagnosis", "evidence",
        "explain", "functional", "metrics", "model", "nn", "reference",
    },
    "__main__": {"cli"},
    "cli": {
        "__init__", "_display", "_errors", "_extras", "_listing", "_notice", "classifier", "columns", "data",
        "evidence", "explain", "model", "report_page", "warm_up",
    },
    "evidence": {
        "_display", "_errors", "_listing", "_notice", "_warnings", "classifier", "columns", "metrics", "model",
        "report_page",
    },
    "report_page": {"_decision", "_display", "_errors", "metrics"},
    "explain": {"_display", "_errors", "_requirements", "functional"},
    "calibration": {"classifier", "model"},
    "classifier": {
        "__init__", "_decision", "_display", "_errors", "_extras", "_listing", "_notice", "_requirements", "_warnings",
        "columns", "functional", "functional._arguments", "metrics", "model", "reference",
    },
    "model": {"_decision", "_display", "_errors", "_extras", "_listing", "_warnings", "columns", "reference"},
    "columns": {"_errors", "_listing"},
    "metrics": {"_errors", "_requirements", "_warnings", "functional", "functional._arguments"},
    "data": {"_display", "_errors", "_extras", "_listing"},
    "nn": {
        "_arrays", "_errors", "_extras", "_requirements", "functional", "functional._arguments",
        "functional._problems", "functional._suspicions", "functional._torch", "functional._types",
    },
    "diagnosis": {"_arrays", "_display", "_errors", "_warnings", "functional", "functional._suspicions"},
    "functional": {
        "_arrays", "_errors", "functional._arguments", "functional._memory", "functional._problems",
        "functional._routes", "functional._types",
    },
    "functional._routes": {
        "_arrays", "_warnings", "functional._cpu_kernels", "functional._definitions", "functional._problems",
        "functional._plain", "functional._torch",
    },
    "functional._plain": {
        "_warnings", "functional._cpu_kernels", "functional._memory", "functional._problems", "kernels",
    },
    "functional._torch": {
        "_arrays", "_errors", "_requirements", "_warnings", "functional._arguments", "functional._cpu_kernels",
        "functional._memory", "functional._problems", "functional._plain", "functional._suspicions", "kernels",
        "reference",
    },
    "functional._definitions": {
        "functional._arguments", "functional._cpu_kernels", "functional._memory", "functional._problems",
        "functional._suspicions", "kernels", "reference",
    },
    "functional._cpu_kernels": {
        "_arrays", "_warnings", "functional._memory", "functional._problems", "functional._suspicions", "kernels",
    },
    "functional._problems": {
        "_arrays", "_errors", "_requirements", "_warnings", "functional._arguments", "functional._memory",
        "functional._suspicions", "kernels",
    },
    "functional._arguments": {
        "_arrays", "_errors", "_listing", "_requirements", "_warnings", "functional._memory", "functional._suspicions",
        "kernels",
    },
    "functional._suspicions": {"_arrays", "_warnings", "functional._memory", "kernels"},
    "functional._memory": {"_arrays", "_errors", "_requirements", "kernels"},
    "_threads": {"_errors", "_requirements", "kernels"},
    "kernels": {"_notice"},
    "warm_up": {"__init__", "_notice", "kernels"},
    "reference": {"_display"},
    "_display": {"_listing"},
    "_requirements": {"_arrays", "_errors"},
    "_warnings": {"_errors"},
}  # fmt: skip
FRAMEWORKS = {
    "numba": {"kernels/compiler.py", "kernels/notices.py", "kernels/cpu/*", "kernels/cpu/threads/*"},
    "torch": {
        "functional/_torch/*", "functional/_torch/plain/*", "functional/_torch/torch_operations/*", "nn/*",
        "diagnosis.py", "classifier/members.py", "classifier/training.py", "warm_up.py",
    },
    "sklearn": {"classifier/baselines.py", "classifier/estimator.py", "classifier/rows.py", "data/bundled.py"},
}  # fmt: skip
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc"}
MOST_LINES, MOST_FILES = 450, 14  # of a file, kernels aside; of a folder


def path_of(file: Path) -> str:
    """Return the path of a file in the package: 'functional/_routes.py'."""
    return file.relative_to(PACKAGE).as_posix()


def room_of(path: str) -> str:
    """Return the room that a file is in: 'data', 'functional' (a door) or 'functional._cpu'."""
    room, *inside = path.removesuffix(".py").split("/")
    if room in INNER_ROOMS and inside[0].startswith("_") and inside[0] != "__init__":
        return f"{room}.{inside[0]}"
    return room


@cache
def imports_of(file: Path, *, types: bool) -> frozenset[str]:
    """Return the dotted names that a file imports, at the top or in functions; those for type checkers if `types`."""
    return frozenset(_names(ast.parse(file.read_text(encoding="utf-8")), file, types))


def _names(node: ast.AST, file: Path, types: bool) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not types:
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path_of(file)}:{node.lineno} imports relatively; name the package"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _names(child, file, types)


def file_named(name: str) -> str | None:
    """Return the path of the file of ours that a dotted name lives in; None for another package's."""
    package, *parts = name.split(".")
    if package != "logitwise":
        return None
    for end in range(len(parts), -1, -1):
        place = "/".join(parts[:end])
        for path in (f"{place}.py", f"{place}/__init__.py".lstrip("/")):
            if (PACKAGE / path).is_file():
                return path
    raise AssertionError(f"{name} is nowhere")


def files_imported(file: Path, *, types: bool = True) -> set[str]:
    """Return the paths of the files of ours that a file imports."""
    found = {file_named(name) for name in imports_of(file, types=types)}
    return {path for path in found if path is not None} - {path_of(file)}


def test_rooms_import_what_the_table_says():
    used: dict[str, set[str]] = {room_of(path_of(file)): set() for file in FILES}
    for file in FILES:
        room = room_of(path_of(file))
        used[room] |= {room_of(path) for path in files_imported(file)} - {room}
    found = {room: rooms for room, rooms in used.items() if rooms}
    forbidden = {room: sorted(rooms - IMPORTS.get(room, set())) for room, rooms in found.items()}
    unused = {room: sorted(rooms - used.get(room, set())) for room, rooms in IMPORTS.items()}
    assert not {room: rooms for room, rooms in forbidden.items() if rooms}, "imports that the table does not allow"
    assert not {room: rooms for room, rooms in unused.items() if rooms}, "arrows in the table that nobody uses"


def test_no_imports_run_in_a_circle():
    arrows = {path_of(file): files_imported(file, types=False) for file in FILES}
    rooms: dict[str, set[str]] = {}
    for path, targets in arrows.items():
        rooms.setdefault(room_of(path), set()).update({room_of(target) for target in targets} - {room_of(path)})
    rooms["__init__"] = set()  # its names are loaded when they are first used
    assert circle_in(arrows) == []
    assert circle_in(rooms) == []


def circle_in(arrows: dict[str, set[str]]) -> list[str]:
    """Return the names along a circle of arrows, the first again at the end; empty where there is none."""
    done: set[str] = set()

    def follow(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for target in sorted(arrows.get(name, ())):
            if found := follow(target, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := follow(name, []))), [])


def test_a_circle_is_seen():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_is_imported_by_the_files_named_alone(framework):
    users = {
        path_of(file) for file in FILES if framework in {name.split(".")[0] for name in imports_of(file, types=True)}
    }
    named = {path for path in users if any(Path(path).match(pattern) for pattern in FRAMEWORKS[framework])}
    unused = {each for each in FRAMEWORKS[framework] if not any(Path(path).match(each) for path in users)}
    assert users == named, f"files that must not import {framework}"
    assert not unused, f"files that are allowed to import {framework} and do not"


def is_of(framework: str, name: str) -> bool:
    """Return whether a dotted name is in a framework."""
    return name.split(".")[0] == framework


def test_files_and_folders_are_small_and_have_nouns_for_names():
    lines = {path_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    long = {path: count for path, count in lines.items() if count > MOST_LINES and not path.startswith("kernels/")}
    folders: dict[str, int] = {}
    for path in lines:
        folder, _, name = path.rpartition("/")
        folders[folder] = folders.get(folder, 0) + (name != "__init__.py")
    assert not long
    assert not {folder: count for folder, count in folders.items() if count > MOST_FILES}
    assert not [path for path in lines if Path(path).stem.strip("_") in VAGUE_NAMES]

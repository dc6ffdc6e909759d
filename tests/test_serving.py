"""The server of the guide to serving a model, started as a reader would, and asked what the guide asks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

import logitwise as lw

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "how-to" / "serving.md").read_text(encoding="utf-8")
PROGRAM = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[1]
ASKED = re.findall(r"^\$ curl 127\.0\.0\.1:8000 --data '(.*)'\n(.*)$", GUIDE, re.MULTILINE)
HEAVY = {"torch", "numba", "sklearn", "scipy", "polars", "pandas"}
SHOW_PORT = """
import sys
server = ThreadingHTTPServer(("127.0.0.1", 0), Predictions)
server.daemon_threads = False  # so that the end waits for their answers
print(server.server_port, flush=True)
for _ in range(int(sys.argv[1])):
    server.handle_request()
server.server_close()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the model and the program of the guide, which listens where a port is free."""
    folder = tmp_path_factory.mktemp("serving")
    flowers = load_iris(as_frame=True)
    names = flowers.target_names[flowers.target]
    lw.Classifier(random_state=0).fit(flowers.data, names).save(folder / "flowers.safetensors")
    served = PROGRAM.partition("\n\nif __name__")[0] + SHOW_PORT
    (folder / "serve.py").write_text(served, encoding="utf-8")
    return folder


def served(folder: Path, bodies: list[str]) -> tuple[list[tuple[int, object]], set[str]]:
    """Return the status and the answer for each body, all sent at once, and what the server had imported in the end."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "serve.py", str(len(bodies))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes) as server:
        try:
            port = int(server.stdout.readline())
            with ThreadPoolExecutor(4) as threads:
                answers = list(threads.map(lambda body: asked(port, body), bodies))
            return answers, set(server.communicate(timeout=60)[0].split())
        finally:
            server.kill()


def asked(port: int, body: str) -> tuple[int, object]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/", body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_the_server_answers_as_the_guide_shows_and_imports_no_framework(folder):
    bodies = [body for body, _ in ASKED]
    answers, imported = served(folder, bodies)
    (_, shown), (_, sentence) = ASKED
    [(status, [probabilities]), wrong] = answers
    assert (status, probabilities) == (200, pytest.approx(json.loads(shown)[0], abs=0.01))
    assert wrong == (400, json.loads(sentence))
    assert imported & HEAVY == set()


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("[{}]", "'sepal length (cm)' is missing"),
        ("{", "Expecting property name"),
        *(
            (body, "must be a list of one or more rows")
            for body in ('{"sepal length (cm)": 5.1}', "[]", "[[5.1]]", "1")
        ),
    ],
)
def test_a_wrong_request_is_answered_by_a_sentence(folder, body, part):
    [(status, answer)], _ = served(folder, [body])
    assert status == 400
    assert part in answer["error"]


def test_threads_share_the_model(folder):
    model, flowers = lw.load(folder / "flowers.safetensors"), load_iris(as_frame=True).data[::10]
    rows = [dict(zip(flowers.columns, row, strict=True)) for row in flowers.to_numpy().tolist()]
    answers, _ = served(folder, [json.dumps([row]) for row in rows])
    expected = [dict(zip(model.classes, row, strict=True)) for row in model.predict_proba(flowers).tolist()]
    assert answers == [(200, [each]) for each in expected]

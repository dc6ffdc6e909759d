"""Pages opened in a real browser: the Chromium of this machine, without a window and without a network."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "browser: opens pages in Chromium; run by `make test-browser` (pytest -m browser)"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a browser unless it was asked for by its marker."""
    if "browser" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="needs a browser: make test-browser"))


@dataclass
class Opened:
    """A page in the browser, and what went wrong in it: console errors, exceptions, and requests beyond its file."""

    page: Any
    errors: list[str] = field(default_factory=list)

    def overflow(self) -> list[str]:
        """Return the elements that stick out of the page, but for those inside what scrolls by itself."""
        return self.page.evaluate(
            """() => [...document.body.querySelectorAll("*")]
                .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
                    && e.checkVisibility() && !e.closest(".scroll, [data-scroll]"))
                .map(e => e.outerHTML.slice(0, 100))"""
        )

    def violations(self) -> list[str]:
        """Return what axe-core has against the page, contrast included."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html'][:150]} {node['target']}" for each in found for node in each["nodes"]]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return the browser; without one, fail with how to get it."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail("no Chromium found on the path. On Debian: apt-get install chromium", pytrace=False)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        pytest.fail(f"{error.name} is missing. Run: pip install -e '.[browser]'", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Callable[..., Opened]]:
    """Return what opens a file: `opened(path, width=375, scheme="dark")`; scripts run, the network is cut off."""
    with ExitStack() as contexts:
        yield lambda path, width=1280, scheme="light": _open(chromium, contexts, path, width, scheme)


def _open(chromium: Any, contexts: ExitStack, path: Path, width: int, scheme: str) -> Opened:
    # bypass_csp lets axe-core run in pages that forbid all scripts.
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    contexts.callback(context.close)
    found = Opened(context.new_page())
    found.page.on("console", lambda message: found.errors.append(message.text) if message.type == "error" else None)
    found.page.on("pageerror", lambda error: found.errors.append(str(error)))
    found.page.on("request", lambda asked: None if _is_inside(asked.url) else found.errors.append(asked.url))
    context.route(lambda address: not _is_inside(address), lambda route: route.abort())
    found.page.goto(path.resolve().as_uri())
    return found


def _is_inside(address: str) -> bool:
    return address.startswith(("file:", "data:", "about:", "blob:"))

"""`python docs/site/made_picture.py`: the picture of a report in the README, taken of a real one in Chromium.

It needs `pip install -e '.[dev,browser]'` and Chromium; `CHROMIUM` names its file if that is not `chromium`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "figures" / "report.webp"
COMMAND = ("train", "digits", "--report", "report.html", "--quiet")
WIDTH, ABOVE, BELOW = 960, 64, 16  # in CSS pixels
SHARPNESS = 1.5  # pixels of the picture for each of these


def main() -> None:
    """Train, and take the picture of the head of the report."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "logitwise", *COMMAND], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        pixels = picture_of(Path(folder, "report.html"))
    save(pixels)


def picture_of(page: Path) -> bytes:
    """Return a PNG of the head of a page: from its title to its first table."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        size = {"width": WIDTH, "height": 900}
        opened = browser.new_page(viewport=size, device_scale_factor=SHARPNESS, color_scheme="light")
        opened.goto(page.as_uri())
        first, last = opened.locator("h1").bounding_box(), opened.locator("table").first.bounding_box()
        top = first["y"] - ABOVE
        height = last["y"] + last["height"] + BELOW - top
        pixels = opened.screenshot(clip={"x": 0, "y": top, "width": WIDTH, "height": height}, full_page=True)
        browser.close()
    return pixels


def save(pixels: bytes) -> None:
    """Write the picture, small enough for a page."""
    from PIL import Image

    with Image.open(io.BytesIO(pixels)) as image:
        image.convert("RGB").save(PICTURE, quality=80, method=6)


if __name__ == "__main__":
    main()

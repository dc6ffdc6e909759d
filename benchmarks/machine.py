"""What a measurement was made on: no name of a host, no path."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Return the name of the processor; on Linux with its family and model, since some names say little."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    if "model name" not in fields:
        return platform.machine()
    numbers = [
        f"{words} {fields[key]}" for key, words in (("cpu family", "family"), ("model", "model")) if key in fields
    ]
    return f"{fields['model name']} ({', '.join(numbers)})" if numbers else fields["model name"]

"""What the pages of all benchmarks have in common: the machine, and figures of times."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Hardware, and the versions of Python, of these packages and of ncps."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    cores = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if "torch" in packages:
        import torch

        cores += f", {torch.get_num_threads()} thread, {torch.backends.cpu.get_cpu_capability()}"
    used = "".join(f", {name} {version(name)}" for name in packages)
    ours = f"ncps {version('ncps')} at {commit or 'an unknown commit'}"
    return f"{cores}; Python {platform.python_version()}{used}, {ours}."


def spread(times: list[float]) -> str:
    """The median, and from the least to the most."""
    return f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"


def ratio(a: list[float], b: list[float]) -> float:
    """The median of the ratios of neighbouring runs."""
    return statistics.median(one / other for one, other in zip(a, b, strict=True))

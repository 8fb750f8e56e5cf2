"""A plugin is installed, upgraded and removed by pip while this process runs.

argv: the Python whose pip to use, the wheels' folder.
"""

from __future__ import annotations

import json
import subprocess
import sys

import ncps

PIP = [sys.argv[1], "-m", "pip", "--disable-pip-version-check", "--quiet", "--python"]


def chosen() -> str:
    """The technology that would be taken, and the version of its distribution."""
    row = ncps.explain("Dense").chosen
    assert row is not None
    return f"{row.technology} {row.version}"


def pip(*words: str) -> list[str]:
    """What is chosen before and after `reload`, once pip has done this."""
    subprocess.run([*PIP, sys.executable, *words], check=True)
    before = chosen()
    ncps.reload()
    return [before, chosen()]


install = ["install", "--no-index", "--no-deps", "--find-links", sys.argv[2]]
told: dict[str, object] = {"at first": chosen()}
told["installed"] = pip(*install, "late==1.0")
told["made"] = ncps.create("Dense", units=1).technology
told["upgraded"] = pip(*install, "late==2.0")
told["removed"] = pip("uninstall", "--yes", "late")
json.dump(told, sys.stdout)

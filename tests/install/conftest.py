"""New virtual environments, wheels built from the work tree, and a clean process environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import documents
import pytest

PACKAGES = {
    "ncps": "ncps-core",
    "ncps-hyena": "plugins/ncps-hyena",
    "ncps-keras": "plugins/ncps-keras",
    "ncps-mlx": "plugins/ncps-mlx",
    "ncps-torch": "plugins/ncps-torch",
    "ncps-xlstm": "plugins/ncps-xlstm",
}
_LEFTOVERS = (".git", ".nox", ".venv", ".*_cache", "__pycache__", "dist", "co2-*")


def _clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without anything that names its own Python or steers ncps."""
    drop = ("PYTHON", "VIRTUAL_ENV", "NCPS_", "NOX_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(drop)}
    return kept | {"MPLBACKEND": "Agg"} | extra


@dataclass(frozen=True)
class Environment:
    """A virtual environment and how to run things in it, outside the work tree."""

    path: Path

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        program = str(self.path / "bin" / arguments[0])
        done = subprocess.run(
            [program, *arguments[1:]],
            cwd=self.path,
            env=_clean_environment(),
            capture_output=True,
            text=True,
        )
        if check:
            assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def python(self, code: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("python", "-c", code, check=check)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source distribution of every package, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in PACKAGES.values():
        build = [sys.executable, "-m", "build", "--outdir", str(folder)]
        subprocess.run([*build, str(documents.ROOT / project)], check=True)
    return folder


@pytest.fixture(scope="session")
def install(wheels: Path, tmp_path_factory: pytest.TempPathFactory):
    """A function: a new virtual environment in which pip has installed this, our wheels at hand."""

    def make(*requirements: str) -> Environment:
        path = tmp_path_factory.mktemp("environment")
        subprocess.run([sys.executable, "-m", "venv", str(path)], check=True)
        links = f"{os.environ.get('PIP_FIND_LINKS', '')} {wheels}".strip()
        subprocess.run(
            [str(path / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements],
            check=True,
            env=_clean_environment(PIP_FIND_LINKS=links),
        )
        return Environment(path)

    return make


@pytest.fixture(scope="session")
def core_only(install) -> Environment:
    return install("ncps")


@pytest.fixture(scope="session")
def complete(install) -> Environment:
    return install("ncps[mlx,plot]")


@pytest.fixture(scope="session")
def with_types(install) -> Environment:
    return install("ncps[hyena,mlx,xlstm]")


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return _clean_environment()


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the work tree as a fresh clone would have it."""
    path = tmp_path_factory.mktemp("clone") / "ncps"
    shutil.copytree(documents.ROOT, path, ignore=shutil.ignore_patterns(*_LEFTOVERS))
    return path

"""Throw-away environments: the core once, and in each environment its own third-party wheels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wheelwright import Plugin

ROOT = Path(__file__).resolve().parents[2]
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
_OFFLINE = ["--no-index", "--no-deps", "--no-build-isolation", "--no-compile"]


def _environment(home: Path) -> dict[str, str]:
    """This process's environment without what names its own Python or steers ncps."""
    drop = ("PYTHON", "VIRTUAL_ENV", "NCPS_", "NOX_", "XDG_")
    return {k: v for k, v in os.environ.items() if not k.startswith(drop)} | {"HOME": str(home)}


@dataclass(frozen=True)
class Environment:
    """A virtual environment, a home and a project, and how to run things there."""

    path: Path

    @property
    def python(self) -> str:
        """Path of its interpreter."""
        return str(self.path / "bin" / "python")

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return next(self.path.glob("lib/python*/site-packages"))

    @property
    def project(self) -> Path:
        """A folder that is the root of a repository, and the working directory of every run."""
        return self.path / "home" / "project"

    def pip(self, *words: str) -> None:
        """Run this process's pip on the environment; it needs none of its own."""
        subprocess.run([*_PIP, "--python", self.python, *words], check=True)

    def install(self, *what: object) -> None:
        """Install wheels and folders with pip, from the disk alone."""
        self.pip("install", *_OFFLINE, *map(str, what))

    def run(
        self, *words: str, cwd: Path | None = None, code: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python, with warnings as errors; it must end with this code."""
        done = subprocess.run(
            [self.python, "-P", "-W", "error", *words],
            cwd=cwd or self.project,
            env=_environment(self.project.parent) | env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return done

    def told(self, script: str, *words: str, **env: str) -> Any:
        """The JSON that a script beside this file prints."""
        path = Path(__file__).parent / "scripts" / f"{script}.py"
        return json.loads(self.run(str(path), *words, **env).stdout)


Make = Callable[..., Environment]


def _venv(path: Path) -> Environment:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    environment = Environment(path)
    (environment.project / ".git").mkdir(parents=True)
    return environment


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The core's wheel and what it depends on, installed once."""
    environment = _venv(tmp_path_factory.mktemp("core"))
    environment.pip("install", str(ROOT / "ncps-core"))
    return environment


@pytest.fixture(scope="session")
def make(core: Environment, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A function: a new environment with these plugins, and with the core behind them."""

    def environment(*plugins: Plugin, behind: Environment = core) -> Environment:
        made = _venv(tmp_path_factory.mktemp("environment"))
        link = f"import site; site.addsitedir({str(behind.site)!r})\n"
        (made.site / "zz_behind.pth").write_text(link)
        wheels = tmp_path_factory.mktemp("wheels")
        if plugins:
            made.install(*(plugin.wheel(wheels) for plugin in plugins))
        return made

    return environment

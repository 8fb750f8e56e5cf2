"""Which back end Keras is given, and what is said when it has none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ncps_keras import _choice

_SHOW = """
import os, sys, ncps_keras
print(os.environ.get("KERAS_BACKEND"), "keras" in sys.modules)
"""


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # first set, so that what a test sets is undone too
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "keras", raising=False)


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(_choice, "_is_installed", lambda name: name in names)


def file_names(folder: Path, backend: str) -> None:
    (folder / "keras.json").write_text(json.dumps({"backend": backend}))


def test_first_installed_back_end_is_taken_where_none_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, "tensorflow", "jax")
    _choice.settle()
    assert os.environ["KERAS_BACKEND"] == _choice.current() == "jax"
    assert _choice.why_not() is None


def test_back_end_of_the_file_is_kept_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, "torch", "jax")
    file_names(tmp_path, "jax")
    _choice.settle()
    assert "KERAS_BACKEND" not in os.environ
    assert _choice.current() == "jax"


def test_back_end_that_keras_wrote_by_itself_is_passed_over_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, "torch")
    file_names(tmp_path, "tensorflow")
    _choice.settle()
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_chosen_back_end_stays_and_its_lack_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    installed(monkeypatch, "torch")
    _choice.settle()
    assert os.environ["KERAS_BACKEND"] == "jax"
    reason = _choice.why_not()
    assert reason is not None
    assert reason.startswith(
        "its back end 'jax' is not installed: set KERAS_BACKEND to one of torch"
    )


def test_lack_of_every_back_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    _choice.settle()
    assert "KERAS_BACKEND" not in os.environ
    assert "install one of torch, jax, tensorflow" in str(_choice.why_not())


def test_back_end_that_cannot_train_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    assert "'numpy' cannot train" in str(_choice.why_not())


def test_importing_the_package_imports_no_framework(tmp_path: Path) -> None:
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _SHOW], env=environment, capture_output=True, text=True, check=True
    )
    backend, imported = done.stdout.split()
    assert backend in _choice.BACKENDS
    assert imported == "False"

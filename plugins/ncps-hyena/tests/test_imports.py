"""What describes the layers, and judges them, is there without any framework."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

FRAMEWORKS = ("torch", "mlx", "keras", "jax", "tensorflow")


@pytest.mark.parametrize("part", ["_plugin", "specs", "reference", "cases", "checkpoints"])
def test_part_imports_no_framework(part: str) -> None:
    code = f"import sys, ncps_hyena.{part}; print([n for n in {FRAMEWORKS} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("framework", "other"), [("torch", "mlx"), ("mlx", "torch")])
def test_layers_of_a_framework_import_no_other_and_no_plugin_of_it(
    framework: str, other: str
) -> None:
    pytest.importorskip("mlx.core" if framework == "mlx" else framework, exc_type=ImportError)
    unwanted = (other, "keras", "jax", "tensorflow", f"ncps_{other}", "xlstm", "mlstm_kernels")
    code = f"import sys, ncps_hyena.{framework}; print([n for n in {unwanted} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_classes_of_both_frameworks_take_the_same_sizes() -> None:
    for name in ("torch", "mlx.core"):
        pytest.importorskip(name, exc_type=ImportError)
    ours, theirs = (import_module(f"ncps_hyena.{framework}") for framework in ("torch", "mlx"))
    names = ["HyenaBlock", "HyenaDNA", "HyenaOperator"]
    assert [getattr(ours, n).sizes for n in names] == [getattr(theirs, n).sizes for n in names]

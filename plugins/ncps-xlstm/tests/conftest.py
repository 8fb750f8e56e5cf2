"""No setting of the person who runs the tests steers them; the package xlstm, where there is one.

    python -m pip install --no-deps --target ORIGINAL xlstm==2.0.6 mlstm_kernels==2.0.6

Tests find the folder in the environment variable ORIGINAL_XLSTM, or the package where it is
installed, and skip without it.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from ncps import registry

LAYERS = (
    *("mLSTM", "mLSTMBlock", "mLSTMCell", "sLSTM", "sLSTMBlock", "sLSTMCell"),
    *("xLSTMBlockStack", "xLSTMLarge", "xLSTMLargeBlock", "xLSTMLM"),
)
PARTS = {
    "cells": "xlstm.blocks.slstm.cell",
    "backends": "xlstm.blocks.mlstm.backends",
    "large": "xlstm.xlstm_large.model",
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith("NCPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))


@pytest.fixture(autouse=True)
def _known() -> None:
    # a plugin's layer is known once the registry was asked for it
    for layer in LAYERS:
        registry.plugin_spec(layer)


@pytest.fixture(scope="session")
def original() -> SimpleNamespace:
    """The package's modules: `xlstm`, and `PARTS` under short names."""
    folder = os.environ.get("ORIGINAL_XLSTM")
    if folder and os.path.abspath(folder) not in sys.path:
        sys.path.append(os.path.abspath(folder))
    if importlib.util.find_spec("xlstm") is None:
        pytest.skip("needs the package xlstm: see plugins/ncps-xlstm/tests/conftest.py")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what another package says as it is imported
        modules = {name: importlib.import_module(path) for name, path in PARTS.items()}
        return SimpleNamespace(xlstm=importlib.import_module("xlstm"), **modules)


def filled(module, seed: int = 0):  # type: ignore[no-untyped-def]
    """A module of the package in double precision, all of its parameters drawn anew."""
    import torch

    rng = np.random.default_rng(seed)
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            drawn = 0.4 * rng.standard_normal(tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(drawn))
    return module


@pytest.fixture(scope="session")
def fill():  # type: ignore[no-untyped-def]
    """The function `filled`."""
    return filled

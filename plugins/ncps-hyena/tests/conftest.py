"""No setting of the person who runs the tests steers them; the plugin's layers are known."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest

from ncps import registry

collect_ignore_glob = [] if find_spec("torch") else ["test_torch_*.py"]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith("NCPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))


@pytest.fixture(autouse=True)
def _known() -> None:
    # a plugin's layer is known once the registry was asked for it
    for layer in ("HyenaBlock", "HyenaDNA", "HyenaOperator"):
        assert registry.plugin_spec(layer) is not None

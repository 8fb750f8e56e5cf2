"""On torch, the kernels of ncps-torch serve where it is installed, and compute the same."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import ncps
from ncps import registry
from ncps.conversion.tolerances import TOLERANCES
from ncps.wirings import AutoNCP
from ncps_keras.backends import NAME
from ncps_keras.ops import _lent

pytestmark = pytest.mark.skipif(
    NAME != "torch" or find_spec("ncps_torch") is None, reason="ncps-torch lends its kernels here"
)
rng = np.random.default_rng(0)
X = rng.normal(size=(3, 9, 4)).astype("float32")
DT = rng.uniform(0.1, 2.0, (3, 9)).astype("float32")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("LSTM", {"units": 5}),
        ("CfC", {"units": 5, "bidirectional": True}),
        ("CfC", {"units": AutoNCP(12, 3, seed=5), "mode": "pure"}),
    ],
)
def test_lent_kernel_is_used_and_gives_what_the_loop_gives(
    name: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []
    kernels = registry.kernels("torch")

    def counted(kind: str) -> Any:
        return lambda *given: used.append(kind) or kernels[kind](*given)

    layer = ncps.create(name, framework="keras", input_size=4, seed=1, **options)
    results = []
    for lent in ({kind: counted(kind) for kind in kernels}, {}):
        monkeypatch.setattr(_lent, "_lent", lambda lent=lent: lent)
        results.append(gradients(layer))
    assert set(used) == {name.lower()}
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, **TOLERANCES["float32"].gradients)


def gradients(layer: Any) -> list[Any]:
    size = layer.spec.output_size
    cotangent = np.linspace(-1, 1, 3 * 9 * size).reshape(3, 9, size)
    inputs = {"x": X, "timespans": DT}
    value, by_parameter, by_input = registry.arrays("keras").gradients(layer, inputs, cotangent)
    return [value, *by_parameter.values(), *by_input.values()]


def test_masked_and_single_steps_do_without_lent_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> dict[str, Any]:
        raise AssertionError("expected no kernel to be asked for")

    monkeypatch.setattr(_lent, "_lent", refuse)
    layer = ncps.create("CfC", framework="keras", input_size=4, units=5, seed=1)
    layer(X, mask=np.ones((3, 9), dtype=bool))
    layer(X[:, :1])

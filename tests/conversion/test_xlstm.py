"""Every layer of xLSTM goes around torch → MLX → NumPy → torch and comes back the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)
pytest.importorskip("ncps_xlstm")

from mlx.utils import tree_flatten  # noqa: E402

import ncps  # noqa: E402
from ncps import registry  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_xlstm import cases  # noqa: E402

RING = ("mlx", "numpy", "torch")
BOUNDS = TOLERANCES["float32"].values
CASES = {
    "mLSTM": cases.mlstm,
    "mLSTMBlock": cases.mlstm_block,
    "mLSTMCell": cases.mlstm_cell,
    "sLSTM": cases.slstm,
    "sLSTMBlock": cases.slstm_block,
    "sLSTMCell": cases.slstm_cell,
    "xLSTMBlockStack": cases.stack,
    "xLSTMLM": cases.lm,
    "xLSTMLarge": cases.large,
    "xLSTMLargeBlock": cases.large_block,
}


@pytest.fixture(autouse=True)
def _known() -> None:
    # a plugin's layer is known once the registry was asked for it
    for layer in CASES:
        registry.plugin_spec(layer)


def test_every_layer_of_the_plugin_is_tried() -> None:
    names = {n for info in registry.technologies() if info.name == "xlstm" for n in info.layers}
    assert names == CASES.keys()


@pytest.mark.parametrize("layer", CASES)
def test_layer_comes_back_from_the_ring_as_it_was(layer: str) -> None:
    for case in CASES[layer].broad:
        start = ncps.create(case.spec(), framework="torch", seed=1)
        here = start
        for framework in RING:
            here = ncps.convert(here, framework)
            provider = registry.provider_of(here)
            assert (provider.technology, provider.framework) in {
                ("xlstm", framework),
                ("numpy", framework),
            }
        assert here.spec == start.spec
        before, after = ncps.parameters(start), ncps.parameters(here)
        assert list(before) == list(after)
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value, err_msg=f"{case}: {name}")


@pytest.mark.parametrize("layer", CASES)
def test_all_three_frameworks_give_the_same_outputs_and_states(layer: str) -> None:
    for case in CASES[layer].broad:
        inputs, spec = case.inputs(), case.spec()
        start = ncps.create(spec, framework="torch", seed=1)
        wanted = _result(start, inputs)
        for framework in ("mlx", "numpy"):
            got = _result(ncps.convert(start, framework), inputs)
            names = ["y", *(name for name, _ in spec.state_shapes())]
            for name, a, b in zip(names, got, wanted, strict=True):
                scale = max(1.0, float(np.abs(b).max(initial=0.0)))
                np.testing.assert_allclose(
                    a / scale, b / scale, **BOUNDS, err_msg=f"{framework} {case}: {name}"
                )


def _result(layer: Any, inputs: dict[str, Any]) -> list[Any]:
    """y and every array of the state, in NumPy."""
    y, state = layer(**_in(layer.framework, inputs))
    arrays = [y, *(state if isinstance(state, tuple) else (state,))]
    return [np.asarray(a.detach() if isinstance(a, torch.Tensor) else a) for a in arrays]


def _in(framework: str, tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _in(framework, value) for name, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_in(framework, value) for value in tree)
    made = {"torch": torch.from_numpy, "mlx": mx.array, "numpy": np.asarray}
    return made[framework](tree)


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"bidirectional": True}])
@pytest.mark.parametrize("layer", ["mLSTM", "sLSTM", "mLSTMBlock", "sLSTMBlock"])
def test_layers_on_top_of_each_other_and_in_two_directions_convert(
    layer: str, options: dict[str, Any]
) -> None:
    sizes = {"input_size": 4, "num_heads": 2} | ({} if "Block" in layer else {"units": 6})
    start = ncps.create(layer, framework="torch", seed=1, **sizes, **options)
    there = ncps.convert(start, "mlx")
    assert ncps.compare(start, there).within
    assert ncps.compare(start, ncps.convert(there, "numpy")).within


@pytest.mark.parametrize("layer", ["mLSTMBlock", "sLSTM", "sLSTMBlock"])
def test_members_of_containers_convert(layer: str) -> None:
    inner = (layer, {"num_heads": 2} | ({} if "Block" in layer else {"units": 4}))
    around = ("Bidirectional", {"inner": inner, "merge": "sum"})
    start = ncps.create(
        "Sequential",
        framework="torch",
        input_size=4,
        layers=[inner, around, ("Dense", {"units": 3})],
        seed=1,
    )
    there = ncps.convert(start, "mlx")
    assert ncps.compare(start, there).within
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    recorded = ncps.record(there, x)
    names = [name for name, _ in start.spec.state_shapes()]
    assert list(recorded) == ["y", *names]
    assert recorded["y"].shape == (2, 5, 3)


def test_model_trained_on_mlx_is_the_same_function_on_torch() -> None:
    import mlx.nn as nn
    import mlx.optimizers

    start = ncps.create(
        "xLSTMLM",
        framework="mlx",
        vocab_size=11,
        units=16,
        num_blocks=2,
        slstm_at=(1,),
        num_heads=2,
        seed=1,
    )
    x = mx.array(np.random.default_rng(0).integers(0, 11, (4, 9)))
    first = {name: np.array(a) for name, a in tree_flatten(start.parameters())}
    step = nn.value_and_grad(
        start, lambda x: nn.losses.cross_entropy(start(x)[0], x, reduction="mean")
    )
    optimiser = mlx.optimizers.Adam(0.01)
    for _ in range(5):
        optimiser.update(start, step(x)[1])
    mx.eval(start.parameters())
    assert all(not np.array_equal(a, first[n]) for n, a in tree_flatten(start.parameters()))
    there = ncps.convert(start, "torch")
    y, _ = there(torch.from_numpy(np.array(x)))
    expected = np.array(start(x)[0])
    np.testing.assert_allclose(y.detach().numpy(), expected, **BOUNDS)


def test_file_of_one_framework_is_read_in_the_others(tmp_path: Path) -> None:
    path = tmp_path / "stack.safetensors"
    start = ncps.create(
        "xLSTMBlockStack",
        framework="mlx",
        input_size=8,
        num_blocks=2,
        slstm_at=(0,),
        num_heads=2,
        seed=1,
    )
    ncps.save(start, path)
    for framework in ("torch", "numpy"):
        assert ncps.compare(start, ncps.load(path, framework=framework)).within


def test_native_arrays_stand_as_each_framework_has_them() -> None:
    start = ncps.create(
        "mLSTMBlock", framework="torch", input_size=4, num_heads=2, kernel_size=3, seed=1
    )
    there = ncps.convert(start, "mlx")
    inner = start.spec.inner
    assert tuple(start.conv.weight.shape) == (inner, 1, 3)
    assert tuple(there.conv.weight.shape) == (inner, 3, 1)
    native = ncps.convert_parameters(start.get_native(), "torch", "mlx", start.spec)
    assert native.keys() == there.get_native().keys()
    for name, array in there.get_native().items():
        np.testing.assert_array_equal(native[name], array)

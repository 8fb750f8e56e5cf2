"""The layers of Hyena between torch, MLX and NumPy: the same parameters, outputs and steps."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)
pytest.importorskip("ncps_hyena")

import ncps  # noqa: E402
from ncps import registry  # noqa: E402
from ncps.testing import TOLERANCES, Case, LayerCases  # noqa: E402
from ncps_hyena import cases  # noqa: E402

BOUNDS = TOLERANCES["float32"].values
FRAMEWORKS = ("torch", "mlx", "numpy")
ALL: dict[str, LayerCases] = {
    "HyenaOperator": cases.hyena_operator,
    "HyenaBlock": cases.hyena_block,
    "HyenaDNA": cases.hyena_dna,
}
TRIED = [case for made in ALL.values() for case in (*made.broad, *made.small)]
SMALL = [case for made in ALL.values() for case in made.small]


def layer_of(case: Case) -> str:
    return case.layer


def whole_only(case: Case) -> bool:
    return "bidirectional" in case.options or case.options.get("head") == "classification"


@pytest.fixture(autouse=True)
def _known() -> None:
    # a plugin's layer is known once the registry was asked for it
    for layer in ALL:
        assert registry.plugin_spec(layer) is not None


def on(framework: str, spec: Any) -> Any:
    layer = ncps.create(spec, technology="hyena", framework=framework, seed=1)
    assert registry.provider_of(layer).technology == "hyena"
    return layer


def native(layer: Any, x: Any) -> Any:
    return torch.as_tensor(x) if registry.provider_of(layer).framework == "torch" else x


def numbers(y: Any) -> Any:
    return np.array(y.detach() if isinstance(y, torch.Tensor) else y)


@pytest.mark.parametrize("case", TRIED, ids=layer_of)
def test_layer_goes_around_all_frameworks_and_comes_back(case: Case) -> None:
    here = start = on("torch", case.spec())
    for framework in ("mlx", "numpy", "torch"):
        # convert runs both and compares what they compute
        here = ncps.convert(here, framework)
        assert registry.provider_of(here).framework == framework
    assert type(here) is type(start)
    before, after = ncps.parameters(start), ncps.parameters(here)
    assert list(before) == list(after)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


@pytest.mark.parametrize(("source", "target"), [*permutations(FRAMEWORKS, 2)])
def test_file_written_by_one_framework_is_read_by_another(
    source: str, target: str, tmp_path: Path
) -> None:
    for case in SMALL:
        layer, path = on(source, case.spec()), tmp_path / "layer.safetensors"
        ncps.save(layer, path)
        other = ncps.load(path, technology="hyena", framework=target)
        x = case.inputs()["x"]
        y = numbers(other(native(other, x)))
        np.testing.assert_allclose(y, numbers(layer(native(layer, x))), **BOUNDS)


@pytest.mark.parametrize("case", [case for case in SMALL if not whole_only(case)], ids=layer_of)
def test_steps_are_the_same_in_all_frameworks(case: Case) -> None:
    x, found = case.inputs()["x"], {}
    for framework in FRAMEWORKS:
        layer, state, y = on(framework, case.spec()), None, []
        for t in range(x.shape[1]):
            one, state = layer.step(native(layer, x[:, t : t + 1]), state)
            y.append(numbers(one))
        found[framework] = np.concatenate(y, axis=1)
    for framework in ("torch", "mlx"):
        np.testing.assert_allclose(found[framework], found["numpy"], **BOUNDS, err_msg=framework)


def test_classifier_trained_in_torch_gives_the_same_classes_on_mlx() -> None:
    sizes = {"units": 8, "num_layers": 1, "l_max": 24, "filter_order": 8}
    head = {"head": "classification", "classes": 2}
    model = ncps.create("HyenaDNA", technology="hyena", framework="torch", seed=0, **sizes, **head)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (64, 24))
    x[::2, 5:9] = (4, 5, 4, 5)
    labels = torch.arange(64) % 2
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.as_tensor(x)), labels).backward()
        optimiser.step()
    model.eval()
    there = ncps.convert(model, "mlx")
    expected = numbers(model(torch.as_tensor(x)))
    assert (expected.argmax(1) == labels.numpy()).all()
    np.testing.assert_array_equal(numbers(there(x)).argmax(1), expected.argmax(1))

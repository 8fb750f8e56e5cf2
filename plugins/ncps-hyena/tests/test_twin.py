"""The float64 reference beside HyenaDNA in plain PyTorch, with the parameters of the latter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import hyena_twin as twin  # noqa: E402

from ncps.reference import run  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_hyena.checkpoints._layout import model_arrays, operator_arrays  # noqa: E402
from ncps_hyena.specs import HyenaDNA, HyenaOperator  # noqa: E402

# one option of the twin's, then what the spec calls it
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as published": ({}, {}),
    "order 3": ({"order": 3}, {"order": 3}),
    "order 4, feature by feature": (
        {"order": 4, "value_major": True},
        {"order": 4, "layout": "value"},
    ),
    "no shift": ({"shift": 0.0}, {"shift": 0.0}),
    "no modulation": ({"modulate": False}, {"modulate": False}),
    "seven features of time": ({"emb_dim": 7}, {"emb_dim": 7}),
    "three features of time": ({"emb_dim": 3, "w": 1.0}, {"emb_dim": 3, "frequency": 1.0}),
    "a shallow filter": (
        {"num_inner_mlps": 0, "filter_order": 5},
        {"num_inner": 0, "filter_order": 5},
    ),
    "five taps": ({"short_filter_order": 5}, {"short_filter_order": 5}),
    "one tap": ({"short_filter_order": 1}, {"short_filter_order": 1}),
    "trained tables": (
        {"train_positions": True, "train_decay": True, "order": 3},
        {"learn_positions": True, "learn_decay": True, "order": 3},
    ),
}


@pytest.fixture(autouse=True)
def seeded() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


def arrays_of(module: Any) -> dict[str, Any]:
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


def stirred(module: Any) -> Any:
    """The module in float64 with values that are far from the initial ones."""
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return module


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("length", [1, 7, 20])
def test_reference_computes_what_the_operator_in_plain_torch_does(name: str, length: int) -> None:
    theirs, ours = CASES[name]
    with torch_tables_in_double():
        native = stirred(twin.operator(d_model=6, l_max=20, **theirs))
    options = {"emb_dim": 5, "frequency": 10.0, "l_max": 20, **ours}
    spec = HyenaOperator(input_size=6, **options)
    x = torch.randn(2, length, 6, dtype=torch.float64)
    y = run(spec, operator_arrays(spec, arrays_of(native)), x.numpy())
    np.testing.assert_allclose(y, native(x).detach().numpy(), **TOLERANCES["float64"].values)


@pytest.mark.parametrize("name", CASES)
def test_reference_computes_what_the_model_in_plain_torch_does(name: str) -> None:
    theirs, ours = CASES[name]
    sizes = {"d_model": 6, "d_inner": 10, "n_layer": 3, "l_max": 20, "layer_norm_epsilon": 1e-3}
    with torch_tables_in_double():
        model = stirred(twin.LanguageModel(twin.Options(**sizes, **theirs)))
    options = {"units": 6, "inner_size": 10, "num_layers": 3, "l_max": 20, "head": "lm"}
    spec = HyenaDNA(**options, layer_norm_epsilon=1e-3, **ours)
    tokens = torch.randint(0, 12, (2, 17))
    y = run(spec, model_arrays(spec, arrays_of(model)), tokens.numpy())
    np.testing.assert_allclose(y, model(tokens).detach().numpy(), **TOLERANCES["float64"].values)


def test_reference_computes_the_classes_of_plain_torch() -> None:
    sizes = {"d_model": 6, "d_inner": 24, "n_layer": 2, "l_max": 20, "n_classes": 3}
    with torch_tables_in_double():
        model = stirred(twin.Classifier(twin.Options(**sizes)))
    spec = HyenaDNA(units=6, num_layers=2, l_max=20, head="classification", classes=3)
    tokens = torch.randint(0, 12, (2, 17))
    y = run(spec, model_arrays(spec, arrays_of(model)), tokens.numpy())
    np.testing.assert_allclose(y, model(tokens).detach().numpy(), **TOLERANCES["float64"].values)


class torch_tables_in_double:
    """Tables made within this context are of double precision."""

    def __enter__(self) -> None:
        torch.set_default_dtype(torch.float64)

    def __exit__(self, *error: object) -> None:
        torch.set_default_dtype(torch.float32)

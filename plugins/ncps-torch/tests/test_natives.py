"""torch's own modules: what they mean, and making them from a spec."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

import ncps
from ncps import canonical, specs
from ncps.errors import BuildError, ConversionError, ParameterError
from ncps.testing import TOLERANCES
from ncps_torch.natives import TorchNatives

NATIVES = TorchNatives()
CELLS = {"GRUCell": nn.GRUCell, "LSTMCell": nn.LSTMCell, "RNNCell": nn.RNNCell}
SEQUENCES = {"GRU": nn.GRU, "LSTM": nn.LSTM, "RNN": nn.RNN}
D, H = 3, 5


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape)


def native_output(module: nn.Module, x: np.ndarray) -> np.ndarray:
    """y of a module that gives y, (y, states), or a cell's h or (h, c)."""
    y = module(torch.tensor(x, dtype=next(module.parameters()).dtype))
    return (y[0] if isinstance(y, tuple) else y).detach().to(torch.float64).numpy()


def reference_output(spec: specs.Spec, parameters: dict, x: np.ndarray) -> np.ndarray:
    layer = ncps.create(spec, technology="numpy")
    canonical.load_parameters(layer, parameters)
    y = layer(x)
    return y[0] if isinstance(y, tuple) else y


def assert_same_function(module: nn.Module, x: np.ndarray, dtype: str = "float32") -> specs.Spec:
    """A module computes what its description says, and so does the one made from it."""
    spec, parameters = NATIVES.describe(module)
    assert list(parameters) == [p.name for p in spec.parameters()]
    wanted = reference_output(spec, parameters, x)
    made = NATIVES.make(spec, parameters, dtype=dtype)
    assert type(made) is type(module)
    assert {p.dtype for p in made.parameters()} == {getattr(torch, dtype)}
    for m in (module, made):
        np.testing.assert_allclose(native_output(m, x), wanted, **TOLERANCES[dtype].values)
    return spec


def shrunk(module: nn.Module) -> nn.Module:
    """With values so that no unit of a ReLU recurrence is dead or explodes."""
    torch.manual_seed(3)
    for p in module.parameters():
        nn.init.uniform_(p, -0.4, 0.6)
    return module


@pytest.mark.parametrize("bias", [True, False])
def test_linear_means_a_dense_and_comes_back(bias):
    spec = assert_same_function(shrunk(nn.Linear(D, H, bias=bias)), example(4, D))
    assert spec == specs.Dense(input_size=D, units=H, use_bias=bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", CELLS)
def test_cell_means_a_cell_and_comes_back(layer, bias):
    module = shrunk(CELLS[layer](D, H, bias=bias))
    spec = assert_same_function(module, example(4, D))
    assert spec == specs.build(layer, input_size=D, units=H, use_bias=bias)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layers", "bidirectional"), [(1, False), (1, True), (3, False), (2, True)]
)
@pytest.mark.parametrize("layer", SEQUENCES)
def test_sequence_layer_comes_back_with_its_layers_and_directions(
    layer, layers, bidirectional, bias
):
    options = {"num_layers": layers, "bidirectional": bidirectional}
    module = shrunk(SEQUENCES[layer](D, H, bias=bias, batch_first=True, **options))
    spec = assert_same_function(module, example(2, 6, D))
    assert spec == specs.build(layer, input_size=D, units=H, use_bias=bias, **options)


@pytest.mark.parametrize("cls", [nn.RNN, nn.RNNCell])
def test_rnn_keeps_its_nonlinearity(cls):
    x = example(4, D) if cls is nn.RNNCell else example(1, 4, D)
    more = {} if cls is nn.RNNCell else {"batch_first": True}
    module = shrunk(cls(D, H, nonlinearity="relu", **more))
    assert assert_same_function(module, x).activation == "relu"


def test_description_does_not_depend_on_batch_first():
    first = shrunk(nn.GRU(D, H, batch_first=True))
    second = nn.GRU(D, H)
    second.load_state_dict(first.state_dict())
    (spec, values), (other, others) = NATIVES.describe(first), NATIVES.describe(second)
    assert spec == other
    for name, value in values.items():
        np.testing.assert_array_equal(value, others[name])


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
@pytest.mark.parametrize("cls", [nn.Linear, nn.GRU, nn.LSTM])
def test_dtype_of_a_made_layer_is_the_one_asked_for(cls, dtype):
    module = shrunk(cls(D, H)).to(getattr(torch, dtype))
    if cls is not nn.Linear:
        module.batch_first = True
    assert_same_function(module, example(2, 6, D), dtype)


def test_described_parameters_are_copies():
    module = nn.Linear(D, H)
    _, parameters = NATIVES.describe(module)
    before = module.weight.detach().clone()
    parameters["kernel"][:] = 0
    assert torch.equal(module.weight, before)


def test_making_a_layer_draws_nothing_and_asks_for_gradients():
    spec, parameters = NATIVES.describe(nn.LSTM(D, H))
    before = torch.get_rng_state()
    made = NATIVES.make(spec, parameters, device="cpu")
    assert torch.equal(before, torch.get_rng_state())
    assert all(p.requires_grad and p.device.type == "cpu" for p in made.parameters())
    made(torch.ones(1, 2, D))[0].sum().backward()


class Subclass(nn.Linear):
    pass


@pytest.mark.parametrize(
    "other", [Subclass(D, H), nn.Conv3d(1, 1, 1), nn.ReLU(), nn.Sequential(), "text", None]
)
def test_other_modules_and_subclasses_have_no_description(other):
    assert NATIVES.describe(other) is None


def hooked() -> nn.Module:
    module = nn.Linear(D, H)
    module.register_forward_hook(lambda module, args, y: 2 * y)
    return module


def patched() -> nn.Module:
    module = nn.Linear(D, H)
    module.forward = lambda x: x
    return module


def adapted() -> nn.Module:
    module = nn.Linear(D, H)
    module.adapter = nn.Linear(D, 1)
    return module


def odd_cell() -> nn.Module:
    module = nn.RNNCell(D, H)
    module.nonlinearity = "sin"
    return module


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LSTM(D, H, proj_size=2), "torch.nn.LSTM with proj_size 0, got 2. Convert it"),
        (
            lambda: nn.GRU(D, H, 2, dropout=0.5),
            "torch.nn.GRU without dropout between its layers, got 0.5. Set its dropout to 0 if",
        ),
        (lambda: nn.LazyLinear(H), "torch.nn.LazyLinear whose input size is not known. Call it"),
        (
            lambda: parametrizations.weight_norm(nn.Linear(D, H)),
            "torch.nn.Linear as torch made it, got one with parametrized weights. Call "
            "torch.nn.utils.parametrize.remove_parametrizations first.",
        ),
        (
            lambda: prune.l1_unstructured(nn.Linear(D, H), "weight", 2),
            "got one with hooks on its forward. Call remove_weight_norm, prune.remove or",
        ),
        (hooked, "got one with hooks on its forward"),
        (patched, "got one with a forward of its own. Delete that attribute first."),
        (adapted, "'bias': (5,), 'adapter.weight': (1, 3), 'adapter.bias': (1,)}. Make a new one."),
        (odd_cell, "no spec describes RNNCell(3, 5, nonlinearity=sin): unknown RNNCell activation"),
        (lambda: nn.Linear(D, H, device="meta"), "got one on the device meta for weight. Load its"),
        (lambda: nn.Linear(D, H, dtype=torch.complex64), "got dtype complex64 for weight. Load"),
    ],
)
def test_what_no_spec_can_say_is_refused(make, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.describe(make())


def test_dropout_of_a_single_layer_is_without_effect_and_not_refused():
    module = nn.LSTM(D, H)
    module.dropout = 0.5
    assert NATIVES.describe(module)[0] == specs.LSTM(input_size=D, units=H)


def test_lazy_and_parametrized_layers_are_described_once_they_are_plain():
    lazy = nn.LazyLinear(H)
    lazy(torch.ones(1, D))
    normed = parametrizations.weight_norm(nn.Linear(D, H))
    nn.utils.parametrize.remove_parametrizations(normed, "weight")
    for module in (lazy, normed):
        assert_same_function(module, example(4, D))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (specs.CfC(input_size=D, units=H), "got CfC: torch.nn has"),
        (specs.GRU(input_size=D, units=H, reset_after=False), "torch.nn.GRU has reset_after=True"),
        (
            specs.Dense(input_size=D, units=H, activation="tanh"),
            "without activation, got 'tanh': torch.nn.Linear has none. Make it without one",
        ),
    ],
)
def test_spec_that_torch_has_no_layer_for_is_refused(spec, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.make(spec, spec.initial_parameters(0))


def test_parameters_that_do_not_fit_are_refused():
    spec = specs.Dense(input_size=D, units=H)
    values = spec.initial_parameters(0)
    with pytest.raises(ParameterError, match=r"wrong shape: bias expected \(5,\), got \(1,\)"):
        NATIVES.make(spec, {**values, "bias": np.zeros(1)})
    with pytest.raises(ParameterError, match=r"missing: bias \(5,\)"):
        NATIVES.make(spec, {"kernel": values["kernel"]})
    with pytest.raises(BuildError, match="input_size is not known yet"):
        NATIVES.make(specs.Dense(units=H), values)

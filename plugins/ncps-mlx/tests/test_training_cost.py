"""What a step of training costs, counted in the operations of its graph."""

from __future__ import annotations

from collections import Counter
from math import prod

import mlx.core as mx
import pytest

from ncps import specs
from ncps.wirings import AutoNCP
from ncps_mlx import kernels, layers
from ncps_mlx.layers import stock

WIRED = AutoNCP(16, 3, seed=1)


def operations(function, *inputs):
    """(name, output shapes) of every operation that evaluating `function` would run."""
    seen = []
    mx.export_function(seen.append, function, *inputs)
    return [
        (entry["name"], [shape for _, shape, _ in entry["outputs"]])
        for entry in seen
        if entry["type"] == "primitive"
    ]


def gradient_of(layer, steps, **arguments):
    """The operations of a training step's gradient, by parameters and input."""

    def loss(native, x):
        layer.update(native)
        return mx.sum(layer(x, **arguments)[0])

    before = layer.parameters()
    x = mx.ones((2, steps, layer.spec.input_size))

    def flat(x):
        value, gradients = mx.value_and_grad(loss, argnums=(0, 1))(before, x)
        from mlx.utils import tree_flatten

        return [value, *(g for _, g in tree_flatten(gradients))]

    found = operations(flat, x)
    layer.update(before)
    return found


def elements(found):
    return sum(prod(shape) for _, shapes in found for shape in shapes)


def make(layer, spec, **options):
    return getattr(layers, layer)(getattr(specs, spec)(**options), seed=0)


LAYERS = {
    "both": lambda: make("CfC", "CfC", input_size=3, units=4, backbone_units=5, bidirectional=True),
    "stacked": lambda: make("GRU", "GRU", input_size=3, units=4, num_layers=2, bidirectional=True),
    "CTRNN": lambda: make("CTRNN", "CTRNN", input_size=3, units=4, ode_unfolds=2),
    "LTC": lambda: make("LTC", "LTC", input_size=3, units=4, ode_unfolds=2),
    "wired LTC": lambda: make("LTC", "LTC", input_size=3, units=WIRED, ode_unfolds=2),
    "RNN": lambda: make("RNN", "RNN", input_size=3, units=4),
    "GRU": lambda: make("GRU", "GRU", input_size=3, units=4),
    "GRU before": lambda: make("GRU", "GRU", input_size=3, units=4, reset_after=False),
    "LSTM": lambda: make("LSTM", "LSTM", input_size=3, units=4),
    "CfC": lambda: make("CfC", "CfC", input_size=3, units=4, backbone_units=5),
    "pure": lambda: make("CfC", "CfC", input_size=3, units=4, backbone_units=5, mode="pure"),
    "wired": lambda: make("CfC", "CfC", input_size=3, units=WIRED),
    "strict": lambda: make("CfC", "CfC", input_size=3, units=WIRED, wiring_mode="strict"),
    "memory": lambda: make("CfC", "CfC", input_size=3, units=WIRED, mixed_memory=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_training_cost_grows_with_the_length_not_with_its_square(name):
    short, long = (elements(gradient_of(LAYERS[name](), steps)) for steps in (64, 256))
    # four times the steps; the tree of splits adds one level, the square would give sixteen
    assert 3.0 < long / short < 4.6


def test_stock_lstm_trains_in_the_square_of_the_length():
    """Documented in `ncps_mlx.layers.stock`; when this fails, MLX has mended it."""
    layer = stock.LSTM(specs.LSTM(input_size=3, units=4), seed=0)
    short, long = (elements(gradient_of(layer, steps)) for steps in (64, 256))
    assert long / short > 10


def test_unbind_moves_a_logarithmic_multiple_of_its_input():
    def weighted(x):
        return sum(mx.sum(mx.square(part)) for part in kernels.unbind(x))

    for steps, levels in ((8, 1), (64, 2), (512, 3)):
        x = mx.ones((2, steps, 1024))
        found = operations(mx.grad(weighted), x)
        joined = sum(prod(s) for name, (s, *_) in found if name == "Concatenate")
        assert joined == levels * x.size


def matmuls(layer, steps, **arguments):
    x = mx.ones((2, steps, layer.spec.input_size))
    counts = Counter(name for name, _ in operations(lambda x: layer(x, **arguments)[0], x))
    return counts["AddMM"] + counts["Matmul"]


def test_input_projection_is_one_product_for_all_steps():
    # each step: the recurrent product and one per further affine map
    for name in ("RNN", "GRU", "LSTM"):
        assert matmuls(LAYERS[name](), 9) == 9 + 1
    assert matmuls(LAYERS["GRU before"](), 9) == matmuls(LAYERS["CTRNN"](), 9) == 2 * 9 + 1
    assert matmuls(LAYERS["CfC"](), 9) == 2 * 9 + 1
    for name in ("wired", "strict"):
        assert matmuls(LAYERS[name](), 9) == 3 * (9 + 1)


def test_ltc_looks_at_its_sensory_synapses_once_and_at_real_ones_only():
    for name in ("LTC", "wired LTC"):
        layer, steps = LAYERS[name](), 9
        masks = layer.spec.masks
        rows, sensory = (int((m != 0).sum(axis=0).max()) for m in (masks.inner, masks.sensory))
        x = mx.ones((2, steps, 3))
        found = operations(lambda x, layer=layer: layer(x)[0], x)
        sigmoids = Counter(shape for n, (shape, *_) in found if n == "Sigmoid")
        units = layer.spec.state_size
        assert sigmoids == {(2, steps, sensory, units): 1, (2, rows, units): 2 * steps}
    assert rows < units


def test_heads_are_one_product_and_time_heads_merge_for_one_elapsed_time():
    layer = LAYERS["CfC"]()
    units = layer.spec.units

    def widths(**arguments):
        x = mx.ones((2, 9, 3))
        found = operations(lambda x: layer(x, **arguments)[0], x)
        return {shapes[0][-1] for name, shapes in found if name == "AddMM"} - {5}

    assert widths() == {3 * units}
    assert widths(timespans=0.5) == {3 * units}
    assert widths(timespans=mx.ones((2, 9))) == {4 * units}


@pytest.mark.parametrize("name", ["wired", "strict", "memory"])
def test_masks_slices_and_transposes_of_weights_are_taken_once_a_call(name):
    layer = LAYERS[name]()
    widest = {tuple(b.heads.weight.shape) for b in layer.blocks}
    of_weights = ("Multiply", "Slice", "Transpose", "Concatenate")

    def counted(steps):
        found = operations(lambda x: layer(x, timespans=x[..., 0])[0], mx.ones((2, steps, 3)))
        masked = [n for n, s in found if n == "Multiply" and s[0] in widest]
        moved = [n for n, s in found if n in of_weights and len(s[0]) == 2 and s[0][0] != 2]
        return len(masked), len(moved)

    assert counted(5)[0] == len(layer.blocks)
    assert counted(5) == counted(11)

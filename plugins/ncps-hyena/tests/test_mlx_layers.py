"""The layers on MLX, beyond what the conformance kit checks of every layer."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

mx = pytest.importorskip("mlx.core")
pytest.importorskip("ncps_mlx")

import mlx.nn as nn  # noqa: E402
import mlx.optimizers  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402

import ncps  # noqa: E402
from ncps.errors import IndicesError, ShapeError, SpecError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_hyena.mlx import HyenaBlock, HyenaDNA, HyenaOperator  # noqa: E402

BOUNDS = TOLERANCES["float32"].values
L = 150


def close(found, expected):
    np.testing.assert_allclose(np.array(found), np.array(expected), **BOUNDS)


def operator(**options):
    return HyenaOperator(6, L, **{"filter_order": 8, "seed": 1, **options})


def model(**options):
    given = {"inner_size": 9, "filter_order": 8, "seed": 1, "frequency": 1.0, **options}
    return HyenaDNA(L, 6, 2, **given)


def signals(*lead, seed=0):
    return mx.array(np.random.default_rng(seed).standard_normal((*lead, 6)).astype(np.float32))


def tokens(*shape):
    return mx.array(np.random.default_rng(0).integers(0, 12, shape))


def judged(layer, x, **given):
    """What the reference computes with the layer's parameters as they are now."""
    reference = ncps.create(layer.spec, technology="numpy")
    ncps.load_parameters(reference, ncps.parameters(layer))
    return reference(np.array(x), **given)


def streamed(layer, x, mask=None, piece=1):
    found, state = [], None
    for start in range(0, x.shape[1], piece):
        at = slice(start, start + piece)
        y, state = layer.step(x[:, at], state, mask=None if mask is None else mask[:, at])
        found.append(y)
    return mx.concatenate(found, axis=1)


LAYERS = {
    "operator": (operator, signals),
    "order 3": (lambda **o: operator(order=3, layout="value", **o), signals),
    "bidirectional": (lambda **o: operator(bidirectional=True, **o), signals),
    "block": (lambda **o: HyenaBlock(6, L, filter_order=8, inner_size=9, seed=1, **o), signals),
    "model": (lambda **o: model(head="lm", **o), tokens),
}
STREAMING = [name for name in LAYERS if name != "bidirectional"]


@pytest.fixture(params=LAYERS)
def one(request):
    make, draw = LAYERS[request.param]
    return make(), draw


@pytest.fixture(params=STREAMING)
def streaming(request):
    make, draw = LAYERS[request.param]
    return make(), draw


def loss(layer, x):
    return mx.mean(mx.square(layer(x) - 0.1))


def train(layer, x, steps=1):
    optimiser = mlx.optimizers.SGD(0.1)
    gradient = nn.value_and_grad(layer, lambda x: loss(layer, x))
    found = []
    for _ in range(steps):
        value, gradients = gradient(x)
        optimiser.update(layer, gradients)
        found.append(value.item())
    return found


def test_output_follows_the_parameters_while_they_are_trained(one):
    layer, draw = one
    x = draw(2, 33)
    for _ in range(3):
        before = np.array(layer(x))
        train(layer, x)
        close(layer(x), judged(layer, x))
        assert not np.allclose(np.array(layer(x)), before, rtol=0, atol=1e-7)


def test_steps_follow_the_parameters_while_they_are_trained(streaming):
    layer, draw = streaming
    x = draw(2, 33)
    streamed(layer, x)
    train(layer, x, steps=2)
    close(streamed(layer, x), judged(layer, x))


def test_filters_are_made_once_for_calls_and_steps():
    layer, made = operator(), []

    class Counted(type(layer.filter)):
        def __call__(self, steps):
            made.append(steps)
            return super().__call__(steps)

    layer.filter.__class__ = Counted
    x = signals(2, 70)
    for _ in range(3):
        layer(x)
        streamed(layer, x[:, :5])
    first = len(made)
    # the lags of 70 steps serve shorter sequences and a leaf of the stream
    assert first == 1
    layer.long_0.skip = layer.long_0.skip + 1.0
    layer(x)
    assert len(made) == first + 1


def test_training_gets_better(one):
    layer, draw = one
    found = train(layer, draw(2, 33), steps=8)
    assert found[-1] < 0.9 * found[0]


def test_compiled_training_is_the_same_as_plain(one):
    layer, draw = one
    other, x = copy.deepcopy(layer), draw(2, 33)
    layer(x)
    optimiser = mlx.optimizers.SGD(0.1)
    state = [layer.state, optimiser.state]

    def step(x):
        value, gradients = nn.value_and_grad(layer, lambda x: loss(layer, x))(x)
        optimiser.update(layer, gradients)
        return value

    compiled = mx.compile(step, inputs=state, outputs=state)
    for _ in range(3):
        compiled(x)
    mx.eval(state)
    train(other, x, steps=3)
    close(layer(x), other(x))
    close(layer(x), judged(layer, x))


@pytest.mark.parametrize("known", [False, True], ids=["new", "called before"])
def test_compiled_and_mapped_calls_are_those_of_plain_ones(one, known):
    layer, draw = one
    x = draw(3, 2, 33)
    if known:
        layer(x[0])
    compiled, mapped = mx.compile(lambda x: layer(x))(x[0]), mx.vmap(layer)(x)
    close(compiled, layer(x[0]))
    close(mapped, mx.stack([layer(row) for row in x]))


@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_the_same_in_evaluation_and_after_a_call(one, training):
    layer, draw = one
    x = draw(2, 33)
    gradient = nn.value_and_grad(layer, lambda x: loss(layer, x))
    _, new = gradient(x)
    layer.train(training)
    layer(x)
    _, after = gradient(x)
    for (name, a), (_, b) in zip(tree_flatten(new), tree_flatten(after), strict=True):
        assert mx.any(a != 0).item(), name
        np.testing.assert_allclose(np.array(b), np.array(a), **BOUNDS, err_msg=name)


def test_a_model_in_evaluation_can_be_exported(one, tmp_path):
    layer, draw = one
    x = draw(2, 33)
    layer.eval()
    path = str(tmp_path / "layer.mlxfn")
    mx.export_function(path, lambda x: layer(x), x)
    (y,) = mx.import_function(path)(x)
    close(y, layer(x))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_a_copy_is_on_its_own(one, again):
    layer, draw = one
    x = draw(2, 33)
    before = layer(x)
    other = again(layer)
    train(other, x)
    close(layer(x), before)
    close(other(x), judged(other, x))


@pytest.mark.parametrize("piece", [1, 7, 64, 65])
def test_pieces_of_a_long_sequence_are_those_of_one_call(streaming, piece):
    layer, draw = streaming
    x = draw(2, L)
    real = mx.array(np.random.default_rng(1).random((2, L)) > 0.2)
    close(streamed(layer, x, piece=piece), layer(x))
    close(streamed(layer, x, real, piece), layer(x, mask=real))


def test_a_mask_may_begin_late(streaming):
    layer, draw = streaming
    x = draw(2, 20)
    real = mx.array(np.arange(20)[None] < np.array([[20], [12]]))
    _, state = layer.step(x[:, :11])
    y, _ = layer.step(x[:, 11:], state, mask=real[:, 11:])
    close(y, layer(x, mask=real)[:, 11:])
    assert not mx.any(y[1, 1:] != 0).item()


def test_what_stands_in_masked_steps_reaches_no_output_and_no_gradient(one):
    layer, draw = one
    x = draw(2, 20)
    real = mx.array(np.arange(20)[None] < np.array([[20], [12]]))
    hole = 99 if layer.spec.indices else float("nan")
    shown = real if layer.spec.indices else real[..., None]
    given = mx.where(shown, x, mx.array(hole, x.dtype))
    close(layer(given, mask=real), layer(mx.where(shown, x, mx.zeros_like(x)), mask=real))
    close(layer(given, mask=real)[1:, :12], layer(x[1:, :12]))
    _, gradients = nn.value_and_grad(layer, lambda x: mx.sum(layer(x, mask=real)))(given)
    assert all(mx.all(mx.isfinite(a)).item() for _, a in tree_flatten(gradients))


def test_masked_steps_contribute_nothing_in_calls_and_steps(one):
    layer, draw = one
    x = draw(2, 20)
    real = mx.array(np.random.default_rng(1).random((2, 20)) > 0.4)
    expected = judged(layer, x, mask=np.array(real))
    close(layer(x, mask=real), expected)
    if layer.spec.streams:
        close(streamed(layer, x, real), expected)


def test_old_states_repeat_bit_for_bit(streaming):
    layer, draw = streaming
    x = draw(2, 80)
    _, state = layer.step(x[:, :63])
    first, after = layer.step(x[:, 63:64], state)
    layer.step(x[:, 64:], after)
    again, _ = layer.step(x[:, 63:64], state)
    assert mx.array_equal(first, again).item()


def test_no_steps_change_nothing(streaming):
    layer, draw = streaming
    x = draw(2, 9)
    empty, state = layer.step(x[:, :0])
    assert empty.shape == (2, 0, layer.spec.output_size)
    y, state = layer.step(x[:, :4], state)
    _, state = layer.step(x[:, :0], state)
    rest, _ = layer.step(x[:, 4:], state)
    close(mx.concatenate([y, rest], axis=1), layer(x))
    assert layer(x[:, :0]).shape == empty.shape


@pytest.mark.parametrize("pooling", ["mean", "sum", "first", "last"])
def test_a_class_of_no_step_is_that_of_zeros(pooling):
    layer = model(head="classification", classes=3, pooling=pooling)
    nothing = mx.zeros((2, 4), mx.bool_)
    expected = mx.broadcast_to(layer.head.bias, (2, 3))
    close(layer(tokens(2, 4), mask=nothing), expected)
    close(layer(tokens(2, 0)), expected)


def test_states_of_others_are_refused(streaming):
    layer, draw = streaming
    _, state = layer.step(draw(3, 4))
    x = draw(2, 1)
    with pytest.raises(ShapeError, match="expected a state of 2 rows"):
        layer.step(x, state)
    with pytest.raises(ShapeError, match=r"of type int\. Pass the state that step returned"):
        layer.step(x, 3)
    _, other = operator(order=4).step(signals(2, 4))
    with pytest.raises(ShapeError, match="expected a state of 2 rows"):
        layer.step(x, other)


def test_more_steps_than_l_max_are_refused(streaming):
    layer, draw = streaming
    x = draw(1, L)
    _, state = layer.step(x)
    with pytest.raises(ShapeError, match=f"at most l_max={L} steps, got 1 after {L} of a state"):
        layer.step(x[:, :1], state)
    with pytest.raises(ShapeError, match=f"at most l_max={L} steps, got {L + 1}"):
        layer(draw(1, L + 1))


def test_layers_that_see_later_steps_have_no_step():
    with pytest.raises(SpecError, match="bidirectional=False for step"):
        operator(bidirectional=True).step(signals(1, 1))
    with pytest.raises(SpecError, match="Call the layer"):
        model(head="classification", classes=2).step(tokens(1, 1))


def test_what_is_no_token_is_refused():
    layer = model()
    with pytest.raises(IndicesError, match="tokens from 0 to 11, got 12"):
        layer(mx.array([[3, 12]]))
    with pytest.raises(IndicesError, match="integer dtype, got float32"):
        layer(mx.zeros((1, 3)))
    close(layer([[1, 2, 3]]), layer(mx.array([[1, 2, 3]], mx.uint8)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_filters_transforms_and_sums_over_blocks_stay_in_float32(dtype):
    layer, x = model(head="lm", dtype=dtype), tokens(2, L)
    block = layer.blocks[0]
    assert block.operator.filter(3).dtype == mx.float32
    assert block.added(mx.zeros((1, 3, 6)), None, None)[0].dtype == mx.float32
    found, expected = layer(x), judged(layer, x)
    assert found.dtype == getattr(mx, dtype)
    np.testing.assert_allclose(
        np.array(found.astype(mx.float32)), expected, **TOLERANCES[dtype].values
    )
    assert streamed(layer, x, piece=9).dtype == found.dtype


def test_a_block_adds_in_float32():
    layer = HyenaBlock(6, L, filter_order=8, seed=1, dtype="bfloat16")
    x = signals(2, 9).astype(mx.bfloat16)
    wide, _ = layer.added(x.astype(mx.float32), None, None)
    assert mx.array_equal(layer(x), wide.astype(mx.bfloat16)).item()


def test_a_quantised_model_runs_and_steps():
    layer = HyenaDNA(L, 64, 2, head="lm", filter_order=64, seed=1)
    x = tokens(2, 70)
    before = layer(x)

    def fits(path, part):
        return hasattr(part, "to_quantized") and part.weight.shape[-1] % 32 == 0

    nn.quantize(layer, group_size=32, bits=8, class_predicate=fits)
    assert layer.dtype == "float32"
    assert isinstance(layer.blocks[0].operator.value.linear, nn.QuantizedLinear)
    after = layer(x)
    assert 0 < mx.max(mx.abs(after - before)).item() < 0.05 * mx.max(mx.abs(before)).item()
    close(streamed(layer, x), after)


def test_a_frozen_network_keeps_its_filters():
    layer, x = model(), tokens(2, 9)
    for block in layer.blocks:
        block.operator.filter.freeze()
    before = layer.blocks[0].operator.filter(9)
    train(layer, x)
    assert mx.array_equal(layer.blocks[0].operator.filter(9), before).item()
    assert not any("filter" in name for name, _ in tree_flatten(layer.trainable_parameters()))


@pytest.mark.parametrize("option", ["dropout", "residual_dropout", "embedding_dropout"])
def test_dropout_is_there_in_training_alone(option):
    layer, x = model(**{option: 0.4}), tokens(2, 30)
    assert mx.any(layer(x) != layer(x)).item()
    layer.eval()
    close(layer(x), judged(layer, x))
    layer.train()
    mx.random.seed(3)
    first = layer(x)
    mx.random.seed(3)
    assert mx.array_equal(first, layer(x)).item()

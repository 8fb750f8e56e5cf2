"""The layers on MLX under what MLX offers: transformations, dtypes, files, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

import mlx.nn as nn  # noqa: E402
import mlx.optimizers  # noqa: E402
from mlx.utils import tree_flatten, tree_unflatten  # noqa: E402

import ncps  # noqa: E402
from ncps.errors import BuildError, IndicesError, ShapeError, SpecError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_xlstm import mlx as layers  # noqa: E402

VALUES, GRADIENTS = TOLERANCES["float32"].values, TOLERANCES["float32"].gradients
B, T, D = 3, 7, 4
BLOCKS = {
    "num_blocks": 2,
    "slstm_at": (1,),
    "num_heads": 2,
    "slstm": {"recurrent_init": "uniform", "hidden_units": 5},
    "mlstm": {"gate_init": "normal", "inner_size": 8},
}
MADE: dict[str, Any] = {
    "mLSTM": lambda **o: layers.mLSTM(D, 6, num_heads=2, gate_init="normal", chunk_size=3, **o),
    "sLSTM": lambda **o: layers.sLSTM(D, 6, num_heads=2, recurrent_init="uniform", **o),
    "mLSTMBlock": lambda **o: layers.mLSTMBlock(
        D, num_heads=2, inner_size=8, gate_init="normal", epsilon=0.1, **o
    ),
    "sLSTMBlock": lambda **o: layers.sLSTMBlock(
        D, num_heads=2, hidden_units=5, recurrent_init="uniform", epsilon=0.1, **o
    ),
    "xLSTMLargeBlock": lambda **o: layers.xLSTMLargeBlock(
        D, num_heads=2, hidden_units=5, gate_init="normal", epsilon=0.1, **o
    ),
    "xLSTMBlockStack": lambda **o: layers.xLSTMBlockStack(D, epsilon=0.1, **BLOCKS, **o),
    "xLSTMLM": lambda **o: layers.xLSTMLM(9, D, epsilon=0.1, **BLOCKS, **o),
    "xLSTMLarge": lambda **o: layers.xLSTMLarge(
        9, D, 2, num_heads=2, hidden_units=5, gate_init="normal", epsilon=0.1, **o
    ),
}
CELLS: dict[str, Any] = {
    "mLSTMCell": lambda **o: layers.mLSTMCell(D, 6, num_heads=2, gate_init="normal", **o),
    "sLSTMCell": lambda **o: layers.sLSTMCell(D, 6, num_heads=2, recurrent_init="uniform", **o),
}


def made(name: str, **options: Any) -> Any:
    return {**MADE, **CELLS}[name](seed=3, **options)


def example(layer: Any, *lead: int) -> Any:
    rng = np.random.default_rng(0)
    if layer.spec.indices:
        return mx.array(rng.integers(0, 9, lead))
    return mx.array(rng.normal(size=(*lead, D)).astype(np.float32))


def close(got: Any, expected: Any, bounds: Any = VALUES) -> None:
    for a, b in zip(_flat(got), _flat(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **bounds)


def _flat(tree: Any) -> list[Any]:
    return [array for _, array in tree_flatten(tree)]


def test_every_layer_of_the_manifest_is_a_public_class_and_tested_here() -> None:
    public = {n for n in vars(layers) if n[0] in "msx" and "LSTM" in n}
    assert public == MADE.keys() | CELLS.keys()
    for name in public:
        assert type(made(name)) is getattr(layers, name)


def test_class_from_sizes_is_what_create_gives() -> None:
    layer = layers.mLSTM(D, 6, 2, num_heads=3, seed=3)
    same = ncps.create(
        "mLSTM", framework="mlx", input_size=D, units=6, num_layers=2, num_heads=3, seed=3
    )
    assert (type(same), same.spec) == (layers.mLSTM, layer.spec)
    x = example(layer, B, T)
    close(layer(x), same(x), {"rtol": 0, "atol": 0})
    with pytest.raises(SpecError, match="at most the sizes input_size, units, num_layers"):
        layers.mLSTM(D, 6, 2, 4)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", MADE)
def test_compiled_and_mapped_calls_agree(name: str, masked: bool) -> None:
    layer = made(name)
    x = mx.stack([example(layer, B, T), example(layer, B, T)[::-1]])
    mask = mx.array(np.random.default_rng(1).random((2, B, T)) < 0.6)
    mask[0, 0] = False

    def call(x: Any, m: Any) -> Any:
        return layer(x, mask=m if masked else None)

    expected = [call(x[i], mask[i]) for i in range(2)]
    close(mx.compile(call)(x[0], mask[0]), expected[0])
    mapped = mx.vmap(call)(x, mask)
    for i in range(2):
        close([a[i] for a in _flat(mapped)], expected[i])


@pytest.mark.parametrize("name", CELLS)
def test_compiled_and_mapped_cells_agree(name: str) -> None:
    cell = made(name)
    x = example(cell, 2, B)
    state = tuple(mx.ones_like(s) for s in cell.get_initial_state(B))
    expected = [cell(x[i], state) for i in range(2)]
    close(mx.compile(cell)(x[0], state), expected[0])
    mapped = mx.vmap(lambda x: cell(x, state))(x)
    for i in range(2):
        close([a[i] for a in _flat(mapped)], expected[i])


@pytest.mark.parametrize("name", MADE)
def test_compiled_training_step_equals_the_plain_one(name: str) -> None:
    layer = made(name)
    x = example(layer, B, T)
    gradient = nn.value_and_grad(layer, lambda x: mx.mean(mx.square(layer(x)[0])))
    close(mx.compile(gradient)(x), gradient(x), GRADIENTS)
    names = {n for n, _ in tree_flatten(gradient(x)[1])}
    assert names == {n for n, _ in tree_flatten(layer.parameters())}


@pytest.mark.parametrize("name", MADE)
def test_gradients_in_training_are_those_of_plain_operations(name: str) -> None:
    layer = made(name)
    x = example(layer, B, T)
    mask = mx.array(np.random.default_rng(1).random((B, T)) < 0.6)

    def loss(x: Any) -> Any:
        y, state = layer(x, mask=mask)
        return mx.sum(mx.sin(y)) + sum(mx.sum(mx.square(s)) for s in state[1:-1])

    gradient = nn.value_and_grad(layer, loss)
    own = gradient(x)
    layer.eval()
    close(own, gradient(x), GRADIENTS)


@pytest.mark.parametrize("name", MADE)
def test_steps_after_a_prefix_equal_one_pass(name: str) -> None:
    layer = made(name)
    x = example(layer, B, T)
    whole, end = layer(x)
    y, state = layer(x[:, :3])
    outputs = [y]
    for t in range(3, T):
        before = [np.array(s) for s in state]
        y, after = layer.step(x[:, t], state)
        for s, b in zip(state, before, strict=True):
            np.testing.assert_array_equal(np.array(s), b)
        outputs.append(y[:, None])
        state = after
    close(mx.concatenate(outputs, axis=1), whole)
    close(state, end)
    alone, _ = layer.step(x[0, 0])
    close(alone, whole[0, 0])


@pytest.mark.parametrize("name", [*MADE, *CELLS])
def test_half_precision_keeps_memories_in_single_precision(name: str) -> None:
    layer, exact = made(name, dtype="bfloat16"), made(name)
    x = example(layer, B) if name in CELLS else example(layer, B, T)
    y, state = layer(x)
    kinds = [str(s.dtype).rpartition(".")[2] for s in state]
    assert y.dtype == mx.bfloat16
    assert kinds == list(layer.spec.state_dtypes("bfloat16"))
    assert kinds[-1] == "float32"
    assert all(a.dtype == mx.bfloat16 for a in _flat(layer.parameters()))
    again, _ = layer(x, state)
    assert again.dtype == mx.bfloat16
    wanted = exact(x)[0]
    close(y.astype(mx.float32), wanted, TOLERANCES["bfloat16"].values)


@pytest.mark.parametrize("name", [*MADE, *CELLS])
def test_weights_go_through_files_of_mlx(name: str, tmp_path: Path) -> None:
    layer, other = made(name), {**MADE, **CELLS}[name](seed=8)
    x = example(layer, B) if name in CELLS else example(layer, B, T)
    assert not np.allclose(np.asarray(layer(x)[0]), np.asarray(other(x)[0]))
    layer.save_weights(str(tmp_path / "w.safetensors"))
    other.load_weights(str(tmp_path / "w.safetensors"))
    close(other(x), layer(x), {"rtol": 0, "atol": 0})


@pytest.mark.parametrize("name", MADE)
def test_layer_in_evaluation_can_be_exported(name: str, tmp_path: Path) -> None:
    layer = made(name)
    layer.eval()
    x = example(layer, B, T)
    mx.export_function(str(tmp_path / "layer.mlxfn"), lambda x: layer(x)[0], x)
    (got,) = mx.import_function(str(tmp_path / "layer.mlxfn"))(x)
    close(got, layer(x)[0])


@pytest.mark.parametrize("name", ["sLSTM", "mLSTM", "sLSTMBlock", "mLSTMBlock", "xLSTMLargeBlock"])
def test_first_call_builds_but_not_inside_a_transformation(name: str) -> None:
    options: dict[str, Any] = {"num_heads": 2}
    if name in ("sLSTM", "mLSTM"):
        options["units"] = 6
    late, early = (getattr(layers, name)(n, seed=3, **options) for n in (None, D))
    x = example(early, B, T)
    with pytest.raises(BuildError, match="inside grad"):
        mx.grad(lambda x: mx.sum(late(x)[0]))(x)
    close(late(x), early(x), {"rtol": 0, "atol": 0})
    assert late.spec == early.spec


def test_stack_without_a_size_builds_its_blocks() -> None:
    late = layers.xLSTMBlockStack(None, epsilon=0.1, seed=3, **BLOCKS)
    early = made("xLSTMBlockStack")
    x = example(early, B, T)
    close(late(x), early(x), {"rtol": 0, "atol": 0})
    assert [b.spec.input_size for b in late.blocks] == [D, D]


def test_dropout_counts_in_training_only() -> None:
    layer = layers.xLSTMBlockStack(D, dropout=0.5, seed=3, **BLOCKS)
    x = example(layer, B, T)
    assert not mx.array_equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert mx.array_equal(layer(x)[0], layer(x)[0])


@pytest.mark.parametrize("name", ["xLSTMLM", "xLSTMLarge"])
def test_language_model_learns_to_repeat(name: str) -> None:
    options = {"slstm_at": (1,)} if name == "xLSTMLM" else {}
    layer = getattr(layers, name)(9, 16, 2, num_heads=2, seed=3, **options)
    optimiser = mlx.optimizers.Adam(0.03)
    x = example(layer, 8, 12)

    def loss(layer: Any) -> Any:
        return nn.losses.cross_entropy(layer(x)[0][:, 1:], x[:, :-1], reduction="mean")

    step, losses = nn.value_and_grad(layer, loss), []
    for _ in range(60):
        value, gradients = step(layer)
        optimiser.update(layer, gradients)
        mx.eval(layer.parameters(), optimiser.state)
        losses.append(value.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", ["xLSTMLM", "xLSTMLarge"])
def test_language_model_refuses_what_is_no_token(name: str) -> None:
    layer = made(name)
    with pytest.raises(IndicesError, match="integer dtype, got float32"):
        layer(mx.zeros((B, T)))
    with pytest.raises(IndicesError, match="0 to 8"):
        layer([[1, 9]])
    with pytest.raises(ShapeError):
        layer(mx.zeros((B, T, 1), mx.int32))


@pytest.mark.parametrize("name", ["xLSTMLM", "xLSTMLarge"])
def test_tied_head_is_the_table(name: str) -> None:
    layer = made(name, tie_weights=True)
    assert not any(n.startswith("head") for n, _ in tree_flatten(layer.parameters()))
    x = example(layer, B, T)
    before = layer(x)[0]
    layer.update(tree_unflatten([("embedding.weight", layer.embedding.weight[::-1])]))
    assert not np.allclose(np.asarray(before), np.asarray(layer(8 - x)[0]))
    close(before, layer(8 - x)[0][..., ::-1])


@pytest.mark.parametrize("gate", [50.0, -50.0])
@pytest.mark.parametrize("name", ["mLSTM", "sLSTM"])
def test_saturated_gates_stay_finite(name: str, gate: float) -> None:
    layer = made(name)
    for which in ("input_gate", "forget_gate"):
        layer[which].bias = mx.full(layer[which].bias.shape, gate)
    x = example(layer, B, 65)
    gradient = nn.value_and_grad(layer, lambda x: mx.sum(mx.square(layer(x)[0])))
    assert all(bool(mx.all(mx.isfinite(a)).item()) for a in _flat(gradient(x)))


@pytest.mark.parametrize("tied", [False, True])
def test_language_model_can_be_quantised(tied: bool) -> None:
    layer = layers.xLSTMLarge(
        128, 64, 2, num_heads=2, hidden_units=64, tie_weights=tied, seed=3, return_state=False
    )
    x = mx.array(np.random.default_rng(0).integers(0, 128, (B, T)))
    before = layer(x)
    nn.quantize(layer, group_size=64, bits=8)
    assert isinstance(layer.embedding, nn.QuantizedEmbedding)
    assert isinstance(layer.blocks[1].query, nn.QuantizedLinear)
    error = float(mx.max(mx.abs(layer(x) - before)))
    assert 0 < error < 0.1 * float(mx.max(mx.abs(before)))


def test_rows_of_the_table_are_dropped_in_training_alone() -> None:
    options = {"vocab_size": 5, "units": 8, "num_blocks": 1, "num_heads": 2, "dropout": 0.5}
    tokens = mx.array([[0, 1, 2, 3]])
    for drops in (False, True):
        model = layers.xLSTMLM(**options, embedding_dropout=drops, seed=0)
        rows = model.dropout(mx.ones((4, 8)))
        assert bool(mx.any(rows == 0)) is drops
        model.eval()
        assert mx.array_equal(model(tokens)[0], model(tokens)[0])


def test_masked_token_may_be_any_number() -> None:
    model = layers.xLSTMLM(5, 8, 1, num_heads=2, seed=0)
    mask = mx.array([[True, True, False]])
    expected, _ = model(mx.array([[1, 2, 0]]), mask=mask)
    for padding in (-100, 7):
        y, _ = model(mx.array([[1, 2, padding]]), mask=mask)
        assert mx.array_equal(y, expected)


@pytest.mark.parametrize("steps", [1, T])
@pytest.mark.parametrize("name", MADE)
def test_no_rows_train(name: str, steps: int) -> None:
    layer = made(name, return_state=False)
    x = example(layer, B, steps)[:0]
    _, gradients = nn.value_and_grad(layer, lambda: mx.sum(layer(x)))()
    assert not any(mx.any(gradient).item() for _, gradient in tree_flatten(gradients))

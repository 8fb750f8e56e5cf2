"""The layers on torch as one uses them: carried on, step by step, masked, built late, trained."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import ncps
from ncps.errors import ShapeError, SpecError
from ncps.reference import run
from ncps.testing import TOLERANCES
from ncps_xlstm import torch as xlstm

B, T, V = 3, 13, 11
DOUBLE, SINGLE = TOLERANCES["float64"].values, TOLERANCES["float32"].values
LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "mLSTM": ("mLSTM", {"input_size": 5, "units": 8, "num_heads": 2, "key_size": 6}),
    "parallel": ("mLSTM", {"input_size": 5, "units": 8, "num_heads": 2, "form": "parallel"}),
    "recurrent": ("mLSTM", {"input_size": 5, "units": 8, "num_heads": 2, "form": "recurrent"}),
    "mLSTM, deep": ("mLSTM", {"input_size": 5, "units": 8, "num_heads": 2, "num_layers": 2}),
    "sLSTM": ("sLSTM", {"input_size": 5, "units": 8, "num_heads": 2}),
    "sLSTMBlock": ("sLSTMBlock", {"input_size": 8, "num_heads": 2}),
    "no convolution": ("sLSTMBlock", {"input_size": 8, "num_heads": 2, "kernel_size": 0}),
    "mLSTMBlock": ("mLSTMBlock", {"input_size": 8, "num_heads": 2}),
    "xLSTMLargeBlock": ("xLSTMLargeBlock", {"input_size": 8, "num_heads": 2}),
    "xLSTMBlockStack": (
        "xLSTMBlockStack",
        {"input_size": 8, "num_blocks": 2, "slstm_at": (1,), "num_heads": 2},
    ),
    "xLSTMLM": (
        "xLSTMLM",
        {"vocab_size": V, "units": 8, "num_blocks": 2, "slstm_at": (0,), "num_heads": 2},
    ),
    "xLSTMLarge": ("xLSTMLarge", {"vocab_size": V, "units": 8, "num_blocks": 2, "num_heads": 2}),
}
CHUNKED = {"mLSTM", "mLSTMBlock", "xLSTMLargeBlock", "xLSTMBlockStack", "xLSTMLM", "xLSTMLarge"}
every_layer = pytest.mark.parametrize("name", LAYERS)


def make(name: str, dtype: str = "float64", scale: float = 0.5, **more: Any) -> Any:
    """A layer whose parameters are all random, so that none of them has no effect."""
    layer, options = LAYERS.get(name, (name, {}))
    chunk = {"chunk_size": 4} if layer in CHUNKED else {}
    made = getattr(xlstm, layer)(**{**chunk, **options, **more}, seed=0, dtype=dtype)
    return redrawn(made, scale)


def redrawn(layer: Any, scale: float = 0.5) -> Any:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return layer


def inputs(layer: Any, steps: int = T, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    if layer.spec.indices:
        return torch.randint(0, V, (B, steps), generator=generator)
    return torch.randn(B, steps, layer.spec.input_size, generator=generator, dtype=dtype)


def close(got: Any, expected: Any, bounds: Any = DOUBLE) -> None:
    torch.testing.assert_close(got, expected, **bounds)


@every_layer
def test_prefill_then_steps_is_one_pass(name: str) -> None:
    layer = make(name)
    x = inputs(layer)
    whole, end = layer(x)
    y, state = layer(x[:, :-3])
    parts = [y]
    for t in range(T - 3, T):
        y_t, state = layer.step(x[:, t], state)
        assert y_t.shape == (B, layer.spec.output_size)
        parts.append(y_t[:, None])
    close(torch.cat(parts, dim=1), whole)
    close(state, end)


@every_layer
def test_step_leaves_the_state_that_it_is_given(name: str) -> None:
    layer = make(name)
    x = inputs(layer)
    _, state = layer(x)
    before = tuple(s.clone() for s in state)
    first = layer.step(x[:, 0], state)
    layer(x, state)
    close(state, before, {"rtol": 0, "atol": 0})
    close(layer.step(x[:, 0], state), first, {"rtol": 0, "atol": 0})


@every_layer
def test_step_takes_one_without_a_batch(name: str) -> None:
    layer = make(name)
    x = inputs(layer)
    y, state = layer.step(x[:, 0])
    alone, own = layer.step(x[1, 0])
    close(alone, y[1])
    close(own, tuple(s[1] for s in state))


@pytest.mark.parametrize("kind", ["mLSTM", "sLSTM"])
def test_cell_is_a_step_of_the_sequence(kind: str) -> None:
    layer = make(kind, **({"chunk_size": 4} if kind == "mLSTM" else {}))
    options = dict(LAYERS[kind][1])
    cell = getattr(xlstm, f"{kind}Cell")(**options, dtype="float64")
    cell.load_state_dict(layer.state_dict())
    x, state = inputs(layer), None
    whole, end = layer(x)
    for t in range(T):
        y, state = cell(x[:, t], state)
        close(y, whole[:, t])
    close(state, end)


@pytest.mark.parametrize("form", ["parallel", "recurrent"])
def test_forms_are_one_function_on_one_state(form: str) -> None:
    layers = [make("mLSTM", form=f, scale=1.0) for f in ("chunkwise", form)]
    x = inputs(layers[0])
    ours, other = (layer(x) for layer in layers)
    close(other, ours)
    # each goes on from the other's state
    crossed = layers[0](x, other[1]), layers[1](x, ours[1])
    close(crossed[1], crossed[0])
    for (y, (_, C, n, _)), layer in zip(crossed, layers, strict=True):
        (y.sin().sum() + C.sin().sum() + n.cos().sum()).backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())
    gradients = [[p.grad for p in layer.parameters()] for layer in layers]
    close(gradients[1], gradients[0], TOLERANCES["float64"].gradients)


@every_layer
def test_masked_steps_do_not_count(name: str) -> None:
    layer = make(name)
    x = inputs(layer, steps=7)
    mask = torch.tensor([[0, 1, 1, 0, 1, 0, 1], [1] * 5 + [0] * 2, [0] * 7]).bool()
    with torch.no_grad():
        _, state = layer(x.flip(1))
    nothing = torch.full_like(x, V + 5 if layer.spec.indices else torch.nan)
    holes = torch.where(mask if layer.spec.indices else mask[..., None], x, nothing)
    y, end = layer(holes, state, mask=mask)
    for row in range(2):
        own = tuple(s[row : row + 1] for s in state)
        alone, last = layer(x[row : row + 1, mask[row]], own)
        close(y[row, mask[row]], alone[0])
        close(tuple(s[row : row + 1] for s in end), last)
    # a masked step repeats the output before it, the state's at the start
    # where two layers are stacked, the output is that of the second one's four states
    last_y = state[4 if name == "mLSTM, deep" else 0]
    close(y[0, 0], last_y[0])
    close(y[0, 3], y[0, 2])
    close(y[1, 6], y[1, 4])
    close(tuple(s[2] for s in end), tuple(s[2] for s in state))
    close(y[2], last_y[2].expand_as(y[2]))
    y.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name", ["mLSTM", "parallel", "recurrent", "sLSTM"])
@pytest.mark.parametrize("forget", [-50.0, 50.0])
@pytest.mark.parametrize("enter", [-50.0, 50.0, 100.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gates_of_fifty_are_finite(name: str, enter: float, forget: float, dtype: str) -> None:
    layer = make(name, dtype)
    with torch.no_grad():
        layer.input_gate.bias.fill_(enter)
        layer.forget_gate.bias.fill_(forget)
    x = inputs(layer, dtype=getattr(torch, dtype))
    y, state = layer(x)
    expected, kept = run(layer.spec, ncps.parameters(layer), x.numpy())
    if dtype == "float64":
        close(y, torch.as_tensor(expected))
        close(state, tuple(map(torch.as_tensor, kept)))
    else:
        # not y: the sum that an mLSTM divides by may be small, its terms are not
        bounds, names = TOLERANCES["float32"].gradients, [n for n, _ in layer.spec.state_shapes()]
        for own, s, reference in zip(names, state, kept, strict=True):
            assert s.isfinite().all()
            if own != "h":
                # float32 leaves a gate of 100 no more than five digits behind the point
                largest = float(abs(reference).max())
                close(s.double() / largest, torch.as_tensor(reference) / largest, bounds)
    assert y.isfinite().all()
    (y.square().sum() + state[1].square().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name", [n for n, (_, o) in LAYERS.items() if "input_size" in o])
def test_layer_without_a_size_is_built_by_its_first_call(name: str) -> None:
    layer, options = LAYERS[name]
    size, rest = options["input_size"], {k: v for k, v in options.items() if k != "input_size"}
    late, early = (getattr(xlstm, layer)(n, **rest, seed=3) for n in (None, size))
    assert not late.built
    x = inputs(early, dtype=torch.float32)
    close(late(x), early(x), {"rtol": 0, "atol": 0})
    assert late.spec == early.spec
    assert repr(late) == repr(early)


@pytest.mark.parametrize("name", [n for n, (_, o) in LAYERS.items() if "input_size" in o])
@pytest.mark.parametrize("assign", [False, True])
def test_saved_tensors_build_a_layer(name: str, assign: bool) -> None:
    layer, options = LAYERS[name]
    rest = {k: v for k, v in options.items() if k != "input_size"}
    late, source = (
        getattr(xlstm, layer)(**rest),
        make(name, "float32", chunk_size=64) if layer in CHUNKED else make(name, "float32"),
    )
    late.load_state_dict(source.state_dict(), assign=assign)
    x = inputs(source, dtype=torch.float32)
    close(late(x), source(x), {"rtol": 0, "atol": 0})


@every_layer
def test_state_that_is_carried_on_holds_no_sequence(name: str) -> None:
    layer = make(name)
    with torch.no_grad():
        _, state = layer(inputs(layer, steps=64))
    sizes = [s.untyped_storage().nbytes() for s in state]
    assert sum(sizes) <= 8 * sum(s.numel() * s.element_size() for s in state)
    assert max(sizes) <= 4 * max(s.numel() * s.element_size() for s in state)


class Kept:
    """What a forward pass keeps; gone when the pass lets go of it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def kept(layer: Any, steps: int) -> int:
    """Bytes that a forward pass keeps for the backward one."""
    found = weakref.WeakSet[Kept]()

    def pack(tensor: Tensor) -> Kept:
        found.add(one := Kept(tensor))
        return one

    x = inputs(layer, steps)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one.tensor):
        y, _ = layer(x)
    assert y.requires_grad
    storages = [one.tensor.untyped_storage() for one in found]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


@every_layer
def test_training_keeps_as_much_as_the_sequence_is_long(name: str) -> None:
    layer = make(name)
    one, two = kept(layer, 128), kept(layer, 256)
    # the form with S² numbers shows that more would be seen
    assert (two > 3 * one) if name == "parallel" else (two <= 2 * one)


@every_layer
def test_layer_trains(name: str) -> None:
    layer, options = LAYERS[name]
    made = getattr(xlstm, layer)(**options, seed=0)
    x = inputs(made, dtype=torch.float32)
    start = {n: p.detach().clone() for n, p in made.named_parameters()}
    target = torch.randn(made(x)[0].shape, generator=torch.Generator().manual_seed(4)) / 4
    optimiser, losses = torch.optim.Adam(made.parameters(), 0.03), []
    for _ in range(40):
        loss = (made(x)[0] - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(not torch.equal(start[n], p) for n, p in made.named_parameters())


def test_sequential_has_an_mlstm_for_a_member() -> None:
    members = [("Dense", {"units": 8}), ("mLSTM", {"units": 8, "num_heads": 2})]
    model = ncps.create("Sequential", layers=members, input_size=5, framework="torch", seed=0)
    dense, member = model[0], model[1]
    assert type(member) is xlstm.mLSTM
    x = torch.randn(B, T, 5)
    y, state = model(x)
    expected, own = member(dense(x))
    close(y, expected, SINGLE)
    close(tuple(state), own, SINGLE)


@pytest.mark.parametrize("dropped", ["blocks", "tokens"])
def test_dropout_acts_in_training_alone(dropped: str) -> None:
    options = {"dropout": 0.5, "embedding_dropout": dropped == "tokens"}
    layer = make("xLSTMLM", **options)
    if dropped == "tokens":
        # so that only the vectors of tokens are left to drop
        for block in layer.blocks:
            block.dropout.p = 0.0
    x = inputs(layer)
    torch.manual_seed(0)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    close(layer(x), make("xLSTMLM").eval()(x))


CONSTRUCTED: dict[str, Callable[[], tuple[Any, Any]]] = {
    "mLSTM": lambda: (xlstm.mLSTM(5, 8, 2, num_heads=2), ("input_size", "units", "num_layers")),
    "sLSTM": lambda: (xlstm.sLSTM(5, 8, 2, num_heads=2), ("input_size", "units", "num_layers")),
    "mLSTMCell": lambda: (xlstm.mLSTMCell(5, 8), ("input_size", "units")),
    "sLSTMCell": lambda: (xlstm.sLSTMCell(5, 8), ("input_size", "units")),
    "mLSTMBlock": lambda: (xlstm.mLSTMBlock(5), ("input_size",)),
    "xLSTMBlockStack": lambda: (xlstm.xLSTMBlockStack(5, 8), ("input_size", "num_blocks")),
    "xLSTMLM": lambda: (xlstm.xLSTMLM(5, 8, 2), ("vocab_size", "units", "num_blocks")),
    "xLSTMLarge": lambda: (
        xlstm.xLSTMLarge(5, 8, 2, num_heads=2),
        ("vocab_size", "units", "num_blocks"),
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_sizes_need_no_names(name: str) -> None:
    layer, sizes = CONSTRUCTED[name]()
    assert [getattr(layer.spec, size) for size in sizes] == [5, 8, 2][: len(sizes)]


def test_class_takes_a_spec_or_options() -> None:
    made = xlstm.mLSTM(5, 8, num_heads=2)
    assert xlstm.mLSTM(made.spec).spec == made.spec
    with pytest.raises(SpecError, match="mLSTM expected a spec or sizes and options, got both"):
        xlstm.mLSTM(made.spec, num_heads=2)
    with pytest.raises(
        SpecError, match=r"at most the sizes input_size, units, num_layers .* got 4"
    ):
        xlstm.mLSTM(5, 8, 1, 2)
    with pytest.raises(SpecError, match="units to be a multiple of num_heads=3, got 8"):
        xlstm.sLSTM(5, 8, num_heads=3)
    with pytest.raises(ncps.NcpsError, match="chunk_size"):
        xlstm.mLSTM(5, 8, chunks=4)


def test_wrong_shapes_are_refused() -> None:
    layer = make("mLSTM")
    with pytest.raises(ShapeError, match="mLSTM expected"):
        layer(torch.zeros(B, T, 6))
    with pytest.raises(ShapeError, match=r"C \(3, 2, 3, 4\)"):
        layer(inputs(layer), layer.get_initial_state(2))


@pytest.mark.parametrize("steps", [1, 9])
@pytest.mark.parametrize("name", ["mLSTM", "mLSTMBlock", "sLSTM", "sLSTMBlock", "xLSTMLargeBlock"])
def test_no_rows_have_outputs_without_gradients(name: str, steps: int) -> None:
    options = {"units": 8} if name in ("mLSTM", "sLSTM") else {}
    layer = ncps.create(
        name, framework="torch", input_size=8, num_heads=2, seed=0, return_state=False, **options
    )
    with torch.no_grad():
        assert layer(torch.zeros(0, steps, 8)).shape == (0, steps, 8)

"""The layers under what torch offers: half precision, autocast, torch.func, export, copies."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from ncps.testing import TOLERANCES
from ncps_xlstm import torch as xlstm

B, T, D, V = 2, 7, 8, 11
EXACT = {"rtol": 0, "atol": 0}
LAYERS: dict[str, tuple[str, dict[str, Any]]] = {
    "mLSTM": ("mLSTM", {"units": 6, "num_heads": 2, "chunk_size": 3}),
    "parallel": ("mLSTM", {"units": 6, "num_heads": 2, "form": "parallel"}),
    "sLSTM": ("sLSTM", {"units": 6, "num_heads": 2}),
    "sLSTMBlock": ("sLSTMBlock", {"num_heads": 2}),
    "mLSTMBlock": ("mLSTMBlock", {"num_heads": 2, "chunk_size": 3}),
    "xLSTMLargeBlock": ("xLSTMLargeBlock", {"num_heads": 2, "chunk_size": 3}),
    "xLSTMBlockStack": ("xLSTMBlockStack", {"num_blocks": 2, "slstm_at": (1,), "num_heads": 2}),
    "xLSTMLM": (
        "xLSTMLM",
        {"vocab_size": V, "units": D, "num_blocks": 2, "slstm_at": (0,), "num_heads": 2},
    ),
    "xLSTMLarge": ("xLSTMLarge", {"vocab_size": V, "units": D, "num_blocks": 2, "num_heads": 2}),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def make(name: str, dtype: str = "float64", scale: float = 0.5, **more: Any) -> Any:
    """A layer whose parameters are all random, so that none of them has no effect."""
    layer, options = LAYERS[name]
    size = {} if "vocab_size" in options else {"input_size": D}
    made = getattr(xlstm, layer)(**{**size, **options, **more}, seed=0, dtype=dtype)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in made.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return made


def inputs(layer: Any, steps: int = T, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    if layer.spec.indices:
        return torch.randint(0, V, (B, steps), generator=generator)
    return torch.randn(B, steps, D, generator=generator, dtype=torch.float64).to(dtype)


def close(got: Any, expected: Any, bounds: Any = TOLERANCES["float64"].values) -> None:
    torch.testing.assert_close(got, expected, **bounds)


def memories(layer: Any, state: Any) -> list[Tensor]:
    """The states that add up: all but y and what a convolution reads."""
    names = [name.rpartition(".")[2] for name, _ in layer.spec.state_shapes()]
    return [s for i, (n, s) in enumerate(zip(names, state, strict=True)) if i and n != "conv"]


@every_layer
def test_module_of_bfloat16_keeps_its_memory_in_float32(name: str) -> None:
    layer = make(name, "bfloat16", 0.3)
    exact = make(name, "float64", 0.3)
    exact.load_state_dict({k: v.double() for k, v in layer.state_dict().items()})
    x = inputs(layer, dtype=torch.bfloat16)
    y, state = layer(x)
    expected, end = exact(x if layer.spec.indices else x.double())
    assert y.dtype == state[0].dtype == torch.bfloat16
    assert {s.dtype for s in memories(layer, state)} == {torch.float32}
    assert {s.dtype for s in memories(layer, layer.get_initial_state(B))} == {torch.float32}
    bounds = TOLERANCES["bfloat16"].gradients
    close(y.double(), expected, bounds)
    close([s.double() for s in state], list(end), bounds)
    y.float().square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name", ["mLSTM", "sLSTM"])
def test_bfloat16_adds_up_long_sequences(name: str) -> None:
    layer = make(name, "bfloat16", 0.0)
    with torch.no_grad():
        layer.input_gate.bias.fill_(0.0)
        # hardly anything is forgotten
        layer.forget_gate.bias.fill_(30.0)
        for projection in ("key", "cell_gate"):
            if hasattr(layer, projection):
                getattr(layer, projection).bias.fill_(1.0)
    x = torch.ones(1, 1001, D, dtype=torch.bfloat16)
    _, state = layer(x)
    _, (_, _, n, m) = layer(x, state)
    # a sum in bfloat16 stays at 256
    keys = 1.0 if name == "sLSTM" else 3**-0.5
    total = n.double() * torch.exp(m.double())[..., None].reshape(*m.shape, *[1] * (n.dim() - 2))
    close(total, torch.full_like(total, 2002 * keys), TOLERANCES["float32"].gradients)


@every_layer
def test_autocast_computes_in_bfloat16_with_a_memory_in_float32(name: str) -> None:
    layer = make(name, "float32", 0.3)
    x = inputs(layer, dtype=torch.float32)
    expected, end = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, state = layer(x)
        stepped, _ = layer.step(x[:, -1], layer(x[:, :-1])[1])
    assert y.dtype == torch.bfloat16
    assert {s.dtype for s in memories(layer, state)} == {torch.float32}
    bounds = TOLERANCES["bfloat16"].gradients
    close(y.float(), expected, bounds)
    close([s.float() for s in state], list(end), bounds)
    close(stepped.float(), y[:, -1].float(), bounds)
    y.float().square().sum().backward()
    ours = gradients(layer)
    assert {g.dtype for g in ours} == {torch.float32}
    layer.zero_grad()
    expected.square().sum().backward()
    # all in one vector: that of a bias that cancels in y is rounding alone
    one, other = (torch.cat([g.flatten() for g in gs]) for gs in (ours, gradients(layer)))
    assert (one - other).norm() < bounds["rtol"] * other.norm()


@pytest.mark.parametrize("form", ["parallel", "recurrent"])
def test_autocast_leaves_the_memory_in_full_precision(form: str) -> None:
    layer, other = make("mLSTM", "float32"), make("mLSTM", "float32", form=form)
    x = inputs(layer, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        # the same q, k and v in half precision; from there on products are not rounded to it
        close(other(x)[1][1:], layer(x)[1][1:], TOLERANCES["float32"].gradients)


def gradients(layer: Any) -> list[Tensor]:
    return [p.grad for p in layer.parameters()]


@every_layer
def test_gradcheck(name: str) -> None:
    layer = make(name)
    named = dict(layer.named_parameters())
    x = inputs(layer, steps=5)
    tokens = layer.spec.indices
    with torch.no_grad():
        _, state = layer(x)
    # m is a constant for derivatives
    kinds = [n.rpartition(".")[2] for n, _ in layer.spec.state_shapes()]
    free = [s.clone().requires_grad_(k != "m") for k, s in zip(kinds, state, strict=True)]

    def run(*flat: Tensor) -> Any:
        given, rest = (x, flat) if tokens else (flat[0], flat[1:])
        values = dict(zip(named, rest[len(free) :], strict=True))
        y, new = functional_call(layer, values, (given, rest[: len(free)]))
        return y, *(s for k, s in zip(kinds, new, strict=True) if k in ("h", "conv"))

    flat = [*([] if tokens else [x.requires_grad_()]), *free, *layer.parameters()]
    assert torch.autograd.gradcheck(run, flat, fast_mode=True)


def squares(layer: Any, values: dict[str, Tensor], x: Tensor) -> Tensor:
    return functional_call(layer, values, (x,))[0].square().sum()


@every_layer
def test_func_grad_is_that_of_backward(name: str) -> None:
    layer = make(name)
    x, values = inputs(layer), dict(layer.named_parameters())
    squares(layer, values, x).backward()
    found = grad(lambda v: squares(layer, v, x))({k: p.detach() for k, p in values.items()})
    bounds = TOLERANCES["float64"].gradients
    for key, p in values.items():
        close(found[key], torch.zeros_like(p) if p.grad is None else p.grad, bounds)


@every_layer
def test_vmap_gives_a_gradient_for_each_sample(name: str) -> None:
    layer = make(name)
    x, values = inputs(layer), {k: p.detach() for k, p in layer.named_parameters()}

    def of_one(values: dict[str, Tensor], x: Tensor) -> Tensor:
        return squares(layer, values, x[None])

    found = vmap(grad(of_one), (None, 0))(values, x)
    bounds = TOLERANCES["float64"].gradients
    for row in range(B):
        layer.zero_grad()
        squares(layer, dict(layer.named_parameters()), x[row : row + 1]).backward()
        for key, p in layer.named_parameters():
            close(found[key][row], torch.zeros_like(p) if p.grad is None else p.grad, bounds)


class OneStep(nn.Module):
    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
        return self.layer.step(x, state)


@every_layer
def test_exported_step_is_the_step(name: str) -> None:
    layer = make(name).eval()
    x = inputs(layer)
    example = (x[:, 0], layer.get_initial_state(B))
    exported = torch.export.export(OneStep(layer), example).module()
    state = example[1]
    for t in range(3):
        expected, kept = layer.step(x[:, t], state)
        y, state = exported(x[:, t], state)
        close(y, expected)
        close(tuple(state), kept)


@pytest.mark.parametrize("name", ["mLSTM", "sLSTM", "mLSTMBlock", "xLSTMLM"])
def test_exported_pass_is_the_pass(name: str) -> None:
    layer = make(name).eval()
    x = inputs(layer)
    exported = torch.export.export(layer, (torch.zeros_like(x),)).module()
    close(exported(x)[0], layer(x)[0])


@every_layer
@pytest.mark.parametrize("way", ["deepcopy", "pickle", "file", "assign"])
def test_copies_compute_the_same_and_share_nothing(name: str, way: str) -> None:
    layer = make(name)
    x = inputs(layer)
    expected = layer(x)
    if way == "deepcopy":
        other = copy.deepcopy(layer)
    elif way == "pickle":
        other = pickle.loads(pickle.dumps(layer))
    else:
        file = io.BytesIO()
        torch.save(layer.state_dict(), file)
        file.seek(0)
        other = make(name, scale=1.0)
        assert not torch.equal(other(x)[0], expected[0])
        other.load_state_dict(torch.load(file, weights_only=True), assign=way == "assign")
    close(other(x), expected, EXACT)
    assert all(p.requires_grad for p in other.parameters())
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(2)
    close(layer(x), expected, EXACT)


@every_layer
def test_tensors_have_the_names_of_their_parts(name: str) -> None:
    layer = make(name)
    rules = layer.parameter_map(layer.spec)
    assert set(rules.to_native(dict(layer.spec.initial_parameters(0)))) == set(layer.state_dict())
    for path, part in layer.named_modules():
        if isinstance(part, nn.Linear):
            assert part.weight.shape == (part.out_features, part.in_features), path


def test_linear_parts_may_be_replaced() -> None:
    layer = make("mLSTM")
    x = inputs(layer)
    expected = layer(x)[0]

    class Counted(nn.Linear):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            type(self).calls += 1
            return super().forward(x)

    value = Counted(D, 6, dtype=torch.float64)
    value.load_state_dict(layer.value.state_dict())
    layer.value = value
    close(layer(x)[0], expected, EXACT)
    assert Counted.calls == 1

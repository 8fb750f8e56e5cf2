"""The layers on torch in torch's own modes: dtypes, transforms, steps, masks, what is kept."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hyena_layers import (
    L_MAX,
    LAYERS,
    STEPS,
    Made,
    block,
    changed_data,
    close,
    model,
    operator,
    pieces,
)
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from ncps.errors import IndicesError, ShapeError, SpecError
from ncps.testing import TOLERANCES
from ncps_hyena import native
from ncps_hyena.torch import HyenaDNA, HyenaOperator


@pytest.fixture(autouse=True, params=["compiled functions", "torch alone"])
def _functions(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "torch alone":
        native.allow(0)
    elif not native.available():
        pytest.skip("none were compiled")
    yield
    native.allow(64)


@pytest.fixture(params=LAYERS)
def made(request: pytest.FixtureRequest) -> Made:
    torch.manual_seed(0)
    return LAYERS[request.param]()


# dtypes


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_layer_of_another_dtype_computes_returns_and_differentiates_in_it(
    dtype: torch.dtype, made: Made
) -> None:
    layer, x = made
    with torch.no_grad():
        layer.to(dtype)
        wide = copy.deepcopy(layer).double()
        expected = wide(x)
    y = layer(x)
    y.float().square().sum().backward()
    assert y.dtype == dtype
    assert {p.grad.dtype for p in layer.parameters()} == {dtype}
    close(y, expected, str(dtype).removeprefix("torch."))


def test_autocast_computes_in_its_dtype_and_trains(made: Made) -> None:
    layer, x = made
    with torch.no_grad():
        expected = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
        one, _ = layer.step(x[:, :3])
    y.float().square().sum().backward()
    assert y.dtype == one.dtype == torch.bfloat16
    assert all(
        p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in layer.parameters()
    )
    close(y, expected, "bfloat16")
    close(one, expected[:, :3], "bfloat16")


def test_the_sum_over_the_blocks_keeps_the_digits_that_bfloat16_has_not() -> None:
    layer = HyenaDNA(8, 4, 1, dtype="bfloat16", seed=0)
    seen: list[torch.dtype] = []
    norm = layer.get_submodule("blocks.0.norm_2")
    hook = norm.register_forward_hook(lambda m, x, y: seen.append(x[0].dtype))
    y = layer(torch.randint(0, 12, (1, 8)))
    hook.remove()
    assert seen == [torch.float32]
    assert y.dtype == torch.bfloat16


# transforms


def test_vmap_and_gradients_of_torch_func_are_those_of_the_layer(made: Made) -> None:
    layer, x = made
    layer.double()
    y = layer(x)
    y.square().sum().backward()
    close(torch.func.vmap(layer)(x), y.detach(), "float64")
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(given: dict[str, Tensor]) -> Tensor:
        y: Tensor = torch.func.functional_call(layer, given, (x,))
        return y.square().sum()

    for name, found in torch.func.grad(loss)(parameters).items():
        close(found, layer.get_parameter(name).grad, "float64", gradients=True)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_forward_mode_agrees_with_reverse_mode() -> None:
    torch.manual_seed(0)
    layer, x = operator()
    layer, x = layer.double(), x.double()
    direction = torch.randn_like(x)
    along = torch.func.jvp(layer, (x,), (direction,))[1]
    given = x.clone().requires_grad_()
    layer(given).sum().backward()
    assert given.grad is not None
    close(along.sum(), (given.grad * direction).sum(), "float64", gradients=True)


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "learn_positions": True}])
def test_first_and_second_derivatives_are_those_of_differences(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    small = {"filter_order": 3, "num_inner": 1, "order": 3, "learn_decay": True}
    layer = HyenaOperator(2, 5, **small, **options, dtype="float64", seed=0)
    x = torch.randn(1, 4, 2, dtype=torch.float64, requires_grad=True)
    inputs = (x, *layer.parameters())
    assert gradcheck(lambda x, *_: layer(x), inputs)
    assert gradgradcheck(lambda x, *_: layer(x), inputs)


def test_a_compiled_and_an_exported_layer_give_the_same(made: Made) -> None:
    layer, x = made
    with torch.no_grad():
        expected = layer(x)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    close(compiled(x).detach(), expected)
    exported = torch.export.export(layer.eval(), (x,))
    close(exported.module()(x).detach(), expected)


# steps


def test_gradients_through_steps_are_those_of_the_whole(made: Made) -> None:
    layer, x = made
    layer.double()
    layer(x).square().sum().backward()
    expected = {name: p.grad.clone() for name, p in layer.named_parameters()}
    layer.zero_grad()
    loss: Any = torch.cat(list(pieces(layer, x, (3, 1, 1, 5))), dim=1).square().sum()
    loss.backward()
    for name, parameter in layer.named_parameters():
        close(parameter.grad, expected[name], "float64", gradients=True)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_long_stream_is_the_whole(mode: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    layer = HyenaOperator(3, 300, seed=0)
    x = torch.randn(2, 300, 3)
    with mode():
        whole = layer(x)
        for sizes in ((1,) * 300, (100, 1, 1, 98, 64, 36), (299, 1)):
            close(torch.cat(list(pieces(layer, x, sizes)), dim=1), whole)


def test_a_step_leaves_its_state_as_it_was(made: Made) -> None:
    layer, x = made
    with torch.no_grad():
        _, state = layer.step(x[:, :5])
        before = copy.deepcopy(state)
        first, _ = layer.step(x[:, 5:6], state)
        layer.step(x[:, 6:8], state)
        again, _ = layer.step(x[:, 5:6], before)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    old, new = (torch.utils._pytree.tree_leaves(s) for s in (before, state))
    torch.testing.assert_close(old, new, rtol=0, atol=0)


def test_no_steps_and_no_rows_have_outputs_and_gradients(made: Made) -> None:
    layer, x = made
    for empty in (x[:, :0], x[:0]):
        y = layer(empty)
        assert y.shape[:2] == empty.shape[:2]
        y.sum().backward()
        assert not any(p.grad.any() for p in layer.parameters())
        layer.zero_grad()
    y, state = layer.step(x[:, :0])
    assert y.shape[1] == 0
    with torch.no_grad():
        close(layer.step(x, state)[0], layer(x))


def test_a_state_that_is_none_of_this_layer_is_refused(made: Made) -> None:
    layer, x = made
    name = type(layer).__name__
    _, state = layer.step(x)
    with pytest.raises(ShapeError, match=rf"{name} expected a state of 1 rows, got one of 2"):
        layer.step(x[:1, :1], state)
    with pytest.raises(ShapeError, match=rf"{name} expected a state of 2 rows, got a Tensor"):
        layer.step(x[:, :1], torch.zeros(2, 3))
    with pytest.raises(ShapeError, match=f"at most l_max={L_MAX} steps, got 3 after {STEPS}"):
        layer.step(x[:, :3], state)


def test_what_cannot_be_carried_on_says_so() -> None:
    both = HyenaOperator(2, 5, bidirectional=True)
    with pytest.raises(SpecError, match="expected bidirectional=False for step"):
        both.step(torch.zeros(1, 1, 2))
    classes = HyenaDNA(5, 4, 1, head="classification", classes=2)
    with pytest.raises(SpecError, match="expected head=None or 'lm' for step"):
        classes.step(torch.zeros(1, 1, dtype=torch.long))


# masks and tokens


def test_a_masked_gap_reaches_no_output_and_no_gradient() -> None:
    torch.manual_seed(0)
    layer, x = block()
    real = torch.ones(2, STEPS, dtype=torch.bool)
    real[0, 3:5] = real[1, -1:] = False
    gap = x.masked_fill(~real[..., None], torch.nan).requires_grad_()
    y = layer(gap, mask=real)
    y.square().sum().backward()
    assert gap.grad is not None
    assert y[~real].eq(0).all()
    assert gap.grad[~real].eq(0).all()
    assert gap.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_a_masked_token_may_be_any_number_and_a_real_one_may_not() -> None:
    layer, tokens = model()
    real = torch.ones_like(tokens, dtype=torch.bool)
    real[:, 4] = False
    with torch.no_grad():
        expected = layer(tokens, mask=real)
        tokens[:, 4] = -100
        torch.testing.assert_close(layer(tokens, mask=real), expected, rtol=0, atol=0)
    with pytest.raises(IndicesError, match="expected tokens from 0 to 11, got -100"):
        layer(tokens)
    with pytest.raises(IndicesError, match="expected tokens of an integer dtype, got float32"):
        layer(tokens.float())


# what is kept


def changed_skip(layer: Any) -> None:
    next(p for n, p in layer.named_parameters() if n.endswith("skip")).data.add_(1.0)


def trained(layer: Any) -> None:
    with torch.enable_grad():
        x = torch.randint(0, 12, (1, 4)) if layer.spec.indices else torch.randn(1, 4, 8)
        layer(x).square().sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.5).step()


def loaded(layer: Any) -> None:
    layer.load_state_dict({k: 1.25 * v for k, v in layer.state_dict().items()})


CHANGES: dict[str, Callable[[Any], Any]] = {
    "data": changed_data,
    "skip": changed_skip,
    "optimiser": trained,
    "state_dict": loaded,
    "native": lambda layer: layer.set_native({k: 1.25 * v for k, v in layer.get_native().items()}),
    "dtype": lambda layer: layer.double(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_kept_filters_are_never_those_of_other_parameters(change: str, made: Made) -> None:
    layer, x = made
    with torch.no_grad():
        before = layer(x), layer.step(x)[0]
        torch.testing.assert_close(layer(x), before[0], rtol=0, atol=0)
        CHANGES[change](layer)
        fresh = copy.deepcopy(layer)
        for y, old, expected in zip(
            (layer(x), layer.step(x)[0]), before, (fresh(x), fresh.step(x)[0]), strict=True
        ):
            torch.testing.assert_close(y, expected, rtol=0, atol=0)
            if change != "dtype":
                assert (y - old).abs().max() > 10 * TOLERANCES["float32"].values["atol"]


def test_filters_are_written_once_for_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    from ncps_hyena.torch import kernels

    layer, x = operator()
    lags: list[int] = []
    written = kernels.filters_forward

    def counted(numbers: kernels.Numbers, z: Tensor, *rest: Any) -> Tensor:
        lags.append(len(z))
        return written(numbers, z, *rest)

    monkeypatch.setattr(kernels, "filters_forward", counted)
    with torch.no_grad():
        for _ in range(3):
            layer(x)
        list(pieces(layer, x, (1,) * STEPS))
        layer(x)
    assert lags == [STEPS, L_MAX]


def test_filters_kept_in_inference_mode_serve_a_gradient_of_x() -> None:
    layer, x = operator()
    layer.requires_grad_(False)
    given = [x.clone().requires_grad_() for _ in range(2)]
    with torch.inference_mode():
        layer(x)
        list(pieces(layer, x, (1,) * STEPS))
    layer(given[0]).sum().backward()
    total: Any = torch.cat(list(pieces(layer, given[1], (1,) * STEPS)), dim=1).sum()
    total.backward()
    close(given[1].grad, given[0].grad, gradients=True)  # type: ignore[arg-type]

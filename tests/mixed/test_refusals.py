"""What cannot work says so, and says what to do, before anything runs."""

from __future__ import annotations

from typing import Any

import mixed_pairs as pairs
import pytest

import ncps
from ncps import mixed
from ncps.errors import BuildError, MixedError, ShapeError, UnknownNameError

torch = pytest.importorskip("torch")
mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)


def hosted(guest: str) -> Any:
    return mixed.wrap(pairs.layer(guest), {"mlx": "torch", "torch": "mlx"}[guest])


def x(framework: str) -> Any:
    return torch.tensor(pairs.X) if framework == "torch" else mx.array(pairs.X)


@pytest.mark.parametrize(
    ("own", "host", "told"),
    [
        ("torch", "torch", "is a module of torch already"),
        ("numpy", "torch", "has no gradients. Convert it"),
        ("torch", "numpy", "no models and no gradients"),
        ("torch", "keras", "Put the Keras layer into a torch or MLX model"),
    ],
)
def test_pair_that_cannot_work_is_refused(own: str, host: str, told: str) -> None:
    with pytest.raises(MixedError, match=told):
        mixed.wrap(pairs.layer(own), host)


def test_unknown_host_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"torhc.*Did you mean 'torch'"):
        mixed.wrap(pairs.layer("mlx"), "torhc")


def test_layer_that_is_not_built_is_refused() -> None:
    with pytest.raises(BuildError, match="Pass input_size"):
        mixed.wrap(ncps.create("CfC", framework="mlx", units=4), "torch")


def test_module_that_is_no_layer_of_ncps_is_refused() -> None:
    with pytest.raises(MixedError, match=r"got Linear. Make it with ncps.create"):
        mixed.wrap(torch.nn.Linear(3, 4), "mlx")


def test_statistics_that_move_are_refused() -> None:
    with pytest.raises(MixedError, match="changes moving_mean, moving_variance as it runs"):
        mixed.wrap(pairs.layer("torch", "BatchNorm"), "mlx")


def test_mixed_module_is_not_wrapped_again() -> None:
    with pytest.raises(MixedError, match="hosts another layer already"):
        mixed.wrap(hosted("mlx"), "mlx")


def test_subclass_with_a_call_of_its_own_is_refused() -> None:
    layer = pairs.layer("torch", "Dense", units=4)

    class Doubled(type(layer)):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return 2 * super().forward(x)

    layer.__class__ = Doubled
    with pytest.raises(MixedError, match="got a Doubled with a call of its own"):
        mixed.wrap(layer, "mlx")


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        (mx.compile, "mx.compile or mx.vmap"),
        (mx.vmap, "mx.compile or mx.vmap"),
        (lambda f: mx.compile(mx.grad(lambda x: f(x).sum())), "mx.compile or mx.vmap"),
        (lambda f: lambda x: mx.jvp(f, [x], [x]), "inside mx.jvp"),
        (
            lambda f: mx.grad(lambda x: mx.grad(lambda x: f(x).sum())(x).sum()),
            "cannot be differentiated again",
        ),
    ],
    ids=["compile", "vmap", "compiled grad", "jvp", "second derivative"],
)
def test_transform_of_mlx_is_refused(transform: Any, told: str) -> None:
    module = hosted("torch")
    with pytest.raises(MixedError, match=told):
        transform(lambda x: module(x)[0])(x("mlx"))


@pytest.mark.parametrize(
    "transform",
    [
        torch.vmap,
        lambda f: torch.func.grad(lambda x: f(x).sum()),
    ],
    ids=["vmap", "grad"],
)
def test_transform_of_torch_is_refused(transform: Any) -> None:
    module = hosted("mlx")
    with pytest.raises(MixedError, match="Call it eagerly"):
        transform(lambda x: module(x)[0])(x("torch"))


def test_second_derivative_in_torch_is_refused() -> None:
    module, given = hosted("mlx"), x("torch").requires_grad_()
    (first,) = torch.autograd.grad(module(given)[0].square().sum(), given, create_graph=True)
    with pytest.raises(MixedError, match="cannot be differentiated again"):
        first.sum().backward()


def test_change_between_forward_and_backward_is_noticed() -> None:
    module, given = hosted("mlx"), x("torch")
    y, _ = module(given)
    with torch.no_grad():
        next(module.parameters()).add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_dtype_that_the_guest_lacks_is_refused() -> None:
    with pytest.raises(MixedError, match="expected parameters in float32 or bfloat16 or float16"):
        hosted("mlx").double()(x("torch"))


@pytest.mark.parametrize("guest", ["mlx", "torch"])
def test_wrong_shape_is_told_in_the_words_of_the_layer(guest: str) -> None:
    module = hosted(guest)
    with pytest.raises(ShapeError, match="CfC expected"):
        module(x(module.framework)[..., :2])

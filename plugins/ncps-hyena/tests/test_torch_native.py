"""The compiled convolutions of an operator agree with their plain twin, whatever the processor."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hyena_layers import close
from test_torch_gated import OPTIONS, SIZES, arguments, by_sums, outputs_and_gradients
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing._internal.two_tensor import TwoTensor

from ncps.testing import TOLERANCES
from ncps_hyena import native
from ncps_hyena.native import _library
from ncps_hyena.torch import HyenaOperator
from ncps_hyena.torch.kernels import (
    NativeScan,
    _gated_native,
    fits_native,
    gated_plain,
    native_forward,
    native_spectra_of,
)
from ncps_hyena.torch.kernels._sizes import transform

WIDEST = native.width()
needs_functions = pytest.mark.skipif(not WIDEST, reason="no functions were compiled")
# rows, features, steps, taps, order: whole and broken vectors, entries computed apart, more steps
# than a transform has numbers, transforms that leave the first cache
MORE = [(2, 16, 31, 1, 2), (1, 17, 1026, 3, 3), (2, 8, 1030, 5, 2), (1, 33, 2500, 7, 2),
        (1, 3, 20000, 3, 2), (1, 1, 5, 64, 2)]  # fmt: skip


@pytest.fixture(params=[64, 32], ids=["AVX-512", "AVX2"])
def _width(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param > WIDEST:
        pytest.skip("not on this processor")
    native.allow(request.param)
    assert native.width() == request.param
    yield
    native.allow(64)


@pytest.fixture
def _none() -> Iterator[None]:
    native.allow(0)
    yield
    native.allow(64)


def plain_float32(flat: list[Tensor | None]) -> list[Tensor | None]:
    return [None if t is None else t.detach().float().requires_grad_(i < 6)
            for i, t in enumerate(flat)]  # fmt: skip


def features_last(t: Tensor) -> Tensor:
    return t.detach().mT.contiguous().mT


def test_what_was_compiled_is_used_where_the_processor_can() -> None:
    if sys.platform != "linux" or not (Path(native.__file__).parent / "_operator.so").exists():
        pytest.skip("none were compiled")
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        flags = next(line for line in lines if line.startswith("flags")).split()
    assert native.available() == ({"avx2", "fma"} <= {*flags})


@needs_functions
@pytest.mark.parametrize("sizes", [*SIZES, *MORE], ids=str)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.usefixtures("_width")
def test_scan_and_twin_agree(sizes: tuple[int, ...], options: str) -> None:
    flat = arguments(sizes, options)
    plain = outputs_and_gradients(gated_plain, flat)
    torch.testing.assert_close(outputs_and_gradients(NativeScan.apply, flat), plain)
    with torch.no_grad():
        torch.testing.assert_close(native_forward(*flat), plain[0])
        spectra = native_spectra_of(flat[3], flat[5])  # type: ignore[arg-type]
        torch.testing.assert_close(native_forward(*flat, spectra=spectra), plain[0])
        if sizes[2] < 100:
            torch.testing.assert_close(native_forward(*flat), by_sums(*flat))


@needs_functions
@pytest.mark.parametrize("sizes", [(2, 33, 258, 3, 3), (1, 3, 20000, 3, 2)], ids=str)
@pytest.mark.parametrize("options", ["plain", "all"])
@pytest.mark.usefixtures("_width")
def test_float32_keeps_its_digits(sizes: tuple[int, ...], options: str) -> None:
    exact = arguments(sizes, options)
    y, gradients = outputs_and_gradients(gated_plain, exact)
    got, found = outputs_and_gradients(NativeScan.apply, plain_float32(exact))
    table = TOLERANCES["float32"]
    for a, b, bounds in [(got, y, table.values)] + [
        (*pair, table.gradients) for pair in zip(found, gradients, strict=True)
    ]:
        assert a.dtype == torch.float32
        torch.testing.assert_close(a.double() / b.abs().max(), b / b.abs().max(), **bounds)


@needs_functions
@pytest.mark.parametrize("options", ["plain", "all"])
@pytest.mark.usefixtures("_width")
def test_numeric_derivatives_agree_twice(options: str) -> None:
    flat = arguments((2, 2, 3, 2, 3), options)
    assert torch.autograd.gradcheck(NativeScan.apply, flat)
    assert torch.autograd.gradgradcheck(NativeScan.apply, flat)


@needs_functions
def test_frozen_filters_have_no_gradient_and_the_others_the_same() -> None:
    flat = arguments((2, 17, 300, 3, 3), "all")
    *expected, _ = outputs_and_gradients(NativeScan.apply, flat)[1]
    for i in (3, 5):
        flat[i] = flat[i].detach()  # type: ignore[union-attr]
    y = NativeScan.apply(*flat)
    weights = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view(y.shape)
    found = torch.autograd.grad(y, [flat[i] for i in (0, 1, 2, 4)], weights)
    torch.testing.assert_close(found, tuple(expected[i] for i in (0, 1, 2, 4)))


@needs_functions
def test_arrays_of_any_layout_are_the_same() -> None:
    flat = arguments((2, 17, 33, 3, 3), "all")
    y = NativeScan.apply(*flat)
    dy = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view(y.shape)
    expected = torch.autograd.grad(y, flat[:6], dy)  # type: ignore[arg-type]
    for i in (0, 1, 3, 5):
        flat[i] = features_last(flat[i]).requires_grad_()  # type: ignore[arg-type]
    for i in (6, 7):
        flat[i] = features_last(flat[i])  # type: ignore[arg-type]
    turned = NativeScan.apply(*flat)
    torch.testing.assert_close(turned, y)
    found = torch.autograd.grad(turned, flat[:6], features_last(dy))  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected)
    constant = NativeScan.apply(*flat).sum()  # whose cotangent is one number for all
    torch.testing.assert_close(
        torch.autograd.grad(constant, flat[0]),  # type: ignore[arg-type]
        torch.autograd.grad(gated_plain(*flat).sum(), flat[0]),  # type: ignore[arg-type]
    )


@needs_functions
def test_threads_share_the_features_and_change_nothing() -> None:
    flat = plain_float32(arguments((1, 70, 8000, 3, 2)))
    # so many numbers that four threads have enough to do
    assert flat[0].numel() // 3 // (1 << 16) >= 4  # type: ignore[union-attr]
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 4):
            torch.set_num_threads(threads)
            results.append(outputs_and_gradients(NativeScan.apply, flat))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*results, rtol=0, atol=0)


@needs_functions
def test_a_default_device_elsewhere_does_not_matter() -> None:
    # of a length that no other test has: plans are kept
    flat = arguments((1, 2, 77, 3, 2))
    expected = gated_plain(*flat)
    dy = torch.linspace(-1, 2, expected.numel(), dtype=torch.float64).view(expected.shape)
    wanted = torch.autograd.grad(expected, flat[:5], dy)  # type: ignore[arg-type]
    with torch.device("meta"):
        y = NativeScan.apply(*flat)
        found = torch.autograd.grad(y, flat[:5], dy)  # type: ignore[arg-type]
    torch.testing.assert_close((y, *found), (expected, *wanted))


@needs_functions
def test_only_what_the_long_convolutions_gave_is_kept() -> None:
    flat = arguments((2, 5, 300, 3, 3))
    y = NativeScan.apply(*flat)
    own = {t.data_ptr() for t in flat if t is not None}
    saved = [t for t in y.grad_fn.saved_tensors if t is not None]  # type: ignore[union-attr]
    assert [t.numel() for t in saved if t.data_ptr() not in own] == [2 * 2 * 5 * 300]
    wanted = flat[:5]
    first, second = (
        torch.autograd.grad(y.square().sum(), wanted, retain_graph=True)  # type: ignore[arg-type]
        for _ in range(2)
    )
    torch.testing.assert_close(second, first, rtol=0, atol=0)


def test_radices_make_the_size_of_every_transform() -> None:
    for steps in [*range(1, 400), 1026, 4098, 8192, 8194, 65538, 160_002, 1_000_002]:
        for two_sided in (False, True):
            n, apart = transform(steps, two_sided)
            found = _gated_native.radices(n // 2)
            assert math.prod(found) == n // 2
            assert {*found} <= {2, 3, 4, 5, 8}
            # what `operator.h` has room for
            assert apart <= 16
            assert steps - n // 2 <= 8


# the choice


@needs_functions
def test_what_does_not_fit_is_left_to_torch() -> None:
    x = torch.zeros(1, 2, 8)
    assert fits_native([x, x], 8, 3)
    assert fits_native([x.double()], 8, 64)
    assert not fits_native([x], 8, 65)
    assert not fits_native([x], 2, 3)
    assert not fits_native([x.bfloat16()], 8, 3)
    assert not fits_native([x, x.to("meta")], 8, 3)
    flat = arguments((1, 8, 5, 3, 2))
    flat[1] = flat[1].float()  # type: ignore[union-attr]
    with pytest.raises(TypeError, match="plain tensors of one dtype"):
        NativeScan.apply(*flat)


@needs_functions
@pytest.mark.parametrize("features", [8, 24])
def test_other_vectors_between_calls_change_nothing(features: int) -> None:
    layer, x = HyenaOperator(features, 300, seed=0), torch.randn(1, 300, features)
    try:
        with torch.no_grad():
            expected = layer(x)
            for widest in (32, 64, 0, 32, 0, 64):
                native.allow(widest)
                close(layer(x), expected)
        y = layer(x)
        native.allow(0)
        y.sum().backward()
        assert all(p.grad.isfinite().all() for p in layer.parameters())  # type: ignore[union-attr]
    finally:
        native.allow(64)


@needs_functions
def test_parts_of_a_layer_in_another_dtype_are_left_to_torch() -> None:
    layer, x = HyenaOperator(20, 300, seed=0), torch.randn(2, 290, 20)
    expected = layer(x)
    layer.long_0.kernel.double()
    close(layer(x), expected)


@needs_functions
def test_memory_is_not_read_as_what_it_is_not() -> None:
    half = [None if t is None else t.detach().bfloat16() for t in arguments((1, 8, 5, 3, 2))]
    with pytest.raises(TypeError, match="plain tensors of one dtype"):
        NativeScan.apply(*half)
    flat = arguments((1, 8, 5, 3, 3))
    with pytest.raises(ValueError, match="do not fit h"):
        NativeScan.apply(*flat[:4], flat[4][:1], *flat[5:])  # type: ignore[index]
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.half(), lambda t: t):
        y = NativeScan.apply(*flat)
    with pytest.raises(TypeError, match="plain tensors of one dtype"):
        y.sum().backward()


@needs_functions
def test_parameters_without_memory_of_their_own_are_left_to_torch() -> None:
    layer, x = HyenaOperator(8, 300, seed=0), torch.randn(2, 70, 8)
    with torch.no_grad():
        expected = layer(x)
        for linear in (layer.value.linear, layer.output):
            for name in ("weight", "bias"):
                p = getattr(linear, name).detach()
                twin = torch.nn.Parameter(TwoTensor(p, p.clone()), requires_grad=False)
                setattr(linear, name, twin)
            y = layer(x)
            close(getattr(y, "a", y), expected)


@needs_functions
def test_no_rows_add_nothing() -> None:
    flat = arguments((2, 9, 300, 3, 3), "two-sided")
    flat[0] = flat[0].detach()[:0].requires_grad_()  # type: ignore[union-attr]
    y, gradients = outputs_and_gradients(NativeScan.apply, flat)
    assert y.shape == (0, 9, 300)
    assert all(not g.any() for g in gradients)


@needs_functions
def test_numbers_that_are_yet_to_be_negated() -> None:
    flat = arguments((2, 9, 33, 3, 2))
    y = NativeScan.apply(*flat)
    dy = torch.randn_like(y)
    (expected,) = torch.autograd.grad(y, flat[0], dy, retain_graph=True)  # type: ignore[arg-type]
    (found,) = torch.autograd.grad(y, flat[0], torch._neg_view(dy))  # type: ignore[arg-type]
    torch.testing.assert_close(found, -expected)


def test_what_other_sources_left_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(_library.__file__).parent
    if not (folder / "_operator.so").exists():
        pytest.skip("none were compiled")
    for path in folder.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(_library, "FOLDER", tmp_path)
    assert _library._library.__wrapped__() is not None
    (tmp_path / "fft.h").write_text("", encoding="utf-8")
    with pytest.warns(RuntimeWarning, match="compiled from other sources"):
        assert _library._library.__wrapped__() is None


def test_what_cannot_be_loaded_is_told_and_what_is_not_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_library, "FOLDER", tmp_path)
    assert _library._library.__wrapped__() is None
    (tmp_path / "_operator.so").write_bytes(b"no library")
    with pytest.warns(RuntimeWarning, match="does without its compiled functions"):
        assert _library._library.__wrapped__() is None


@needs_functions
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_layer_is_the_same_with_and_without(dtype: str) -> None:
    layer = HyenaOperator(20, 300, order=3, dtype=dtype, seed=0)
    x = torch.randn(2, 290, 20, dtype=getattr(torch, dtype))
    mask = torch.rand(2, 290) < 0.8
    results, calls = [], []
    for widest in (0, 64):
        native.allow(widest)
        layer.zero_grad()
        with torch.no_grad():
            alone = layer(x, mask=mask)
        y = layer(x, mask=mask)
        y.square().mean().backward()
        calls.append(type(y.grad_fn).__name__)
        results.append((alone, y, [p.grad for p in layer.parameters()]))
    for first, second in zip(results[0][:2], results[1][:2], strict=True):
        close(second, first, dtype)
    for first, second in zip(results[0][2], results[1][2], strict=True):
        close(second, first, dtype, gradients=True)


@needs_functions
def test_a_layer_takes_the_compiled_functions_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str, own: Any) -> Any:
        def call(*arguments: Any) -> None:
            calls.append(name)
            own(*arguments)

        return call

    for name in ("forward", "backward", "spectra"):
        monkeypatch.setattr(native, name, counted(name, getattr(native, name)))
    layer, x = HyenaOperator(8, 30, seed=0), torch.randn(2, 30, 8)
    layer(x).sum().backward()
    assert calls == ["forward", "backward"]
    with torch.no_grad():
        layer(x)
        layer(x)
    assert calls[2:] == ["spectra", "forward", "forward"]


@needs_functions
def test_who_takes_down_operations_of_torch_sees_all_of_them() -> None:
    layer = HyenaOperator(8, 30, seed=0).eval()
    x, other = torch.randn(2, 2, 30, 8)
    with torch.no_grad():
        graph = make_fx(layer)(x)
        close(graph(other), layer(other))
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert layer(mode.from_tensor(x)).shape == x.shape


@pytest.mark.usefixtures("_none")
def test_without_them_a_call_says_so() -> None:
    assert not native.available()
    assert not fits_native([torch.zeros(1)], 8, 3)
    with pytest.raises(ImportError, match=r"no compiled functions here; see ncps_hyena\.native"):
        native.forward(native.Operator(), 4)
    with pytest.raises(ImportError, match=r"no compiled functions here"):
        NativeScan.apply(*arguments((1, 8, 5, 3, 2)))

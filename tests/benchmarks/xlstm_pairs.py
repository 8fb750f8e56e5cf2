"""Pairs of modules with the same parameters: ours, and those of the PyPI package xlstm."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
import weakref
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torch.utils._python_dispatch import TorchDispatchMode
from torch_pairs import Named, Pair, train

import ncps
from ncps import registry
from ncps.specs import GATES
from ncps.testing import TOLERANCES
from ncps_xlstm.layouts import stack_map
from ncps_xlstm.layouts._rules import Biases, Recurrent
from ncps_xlstm.torch import kernels, sLSTM, xLSTMBlockStack

MODULES = {
    "xlstm": "xlstm",
    "cells": "xlstm.blocks.slstm.cell",
    "backends": "xlstm.blocks.mlstm.backends",
    "kernels": "mlstm_kernels.torch",
}
# those that run on a CPU and compute the same function
FORMS = (
    *("parallel--native_autograd", "parallel--native_custbw"),
    *("chunkwise--native_autograd", "chunkwise--native_custbw"),
    "parallel_stabilized_simple",
)
MLSTM = (8, 4, 256, 64)


def load(folder: str | None) -> SimpleNamespace:
    """The package's modules, from a folder or from where it is installed."""
    if folder:
        sys.path.append(os.path.abspath(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what another package says as it is imported
        return SimpleNamespace(**{k: importlib.import_module(v) for k, v in MODULES.items()})


class Attending(nn.Module):
    """An mLSTM without a layer around it: h of its own q, k, v, i, f, whatever x."""

    def __init__(self, run: Callable[..., Tensor], sizes: tuple[int, int, int, int]) -> None:
        super().__init__()
        B, N, S, D = sizes
        generator = torch.Generator().manual_seed(0)
        shapes = dict.fromkeys("qkv", (B, N, S, D)) | dict.fromkeys("if", (B, N, S))
        for name, shape in shapes.items():
            drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
            # the bias of a forget gate starts from 3 on
            drawn = drawn + 3 if name == "f" else drawn
            self.register_parameter(name, nn.Parameter(drawn))
        self._run = run

    def forward(self, x: Any) -> tuple[Tensor]:
        """h (B, N, S, D)."""
        return (self._run(*(getattr(self, name) for name in "qkvif")),)


def ours(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
    """Our mLSTM in chunks of 64."""
    state = kernels.empty_state(q, v)
    if torch.is_grad_enabled():
        h, *_ = kernels.MLSTMChunks.apply(64, q, k, v, i, logsigmoid(f), *state)
    else:
        h, *_ = kernels.mlstm_forward(64, q, k, v, i, logsigmoid(f), *state)
    return h


def theirs(package: SimpleNamespace, form: str) -> Callable[..., Tensor]:
    """The package's mLSTM in one of its forms."""
    if form == "parallel_stabilized_simple":

        def simple(q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor) -> Tensor:
            h: Tensor = package.backends.parallel_stabilized_simple(
                q, k, v, i[..., None], f[..., None]
            )
            return h

        return simple
    kernel = package.kernels.get_mlstm_kernel(form)
    options = {"chunk_size": 64} if form.startswith("chunkwise") else {}
    # its products are in half precision unless it is told
    return lambda q, k, v, i, f: kernel(
        q=q, k=k, v=v, i=i, f=f, return_last_states=False, autocast_kernel_dtype=q.dtype, **options
    )


def mlstm(package: SimpleNamespace, form: str) -> Pair:
    """The kernels alone."""
    pair = named_pair(Attending(ours, MLSTM), Attending(theirs(package, form), MLSTM))
    if form.endswith("custbw"):
        # these know no double precision
        for module in (pair.ours, pair.theirs):
            module.float()
    return pair


def named_pair(one: nn.Module, other: nn.Module) -> Pair:
    """A pair whose parameters have the same names."""

    def gradients() -> tuple[Named, Named]:
        return tuple({n: p.grad for n, p in m.named_parameters()} for m in (one, other))  # type: ignore[return-value]

    return Pair(one, other, gradients)


class Vanilla(nn.Module):
    """The package's sLSTM cell on its vanilla back end, behind a linear map."""

    def __init__(self, package: SimpleNamespace, size: int, units: int, heads: int) -> None:
        super().__init__()
        config = package.cells.sLSTMCellConfig(
            hidden_size=units, num_heads=heads, backend="vanilla"
        )
        self.inputs = nn.Linear(size, 4 * units, bias=False)
        self.cell = package.cells.sLSTMCell(config)
        self.heads = heads

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        """h (B, T, H), and the state."""
        h, state = self.cell(self.inputs(x))
        return h.transpose(1, 2).flatten(2), state

    def canonical(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Its tensors by our names."""
        kernels = tensors["inputs.weight"].T
        named = {f"{g}.kernel": k for g, k in zip(GATES, np.split(kernels, 4, 1), strict=True)}
        cell = {n.removeprefix("cell."): t for n, t in tensors.items()}
        named |= Recurrent("_recurrent_kernel_", False).to_canonical(cell)
        return named | Biases("_bias_", self.heads, False).to_canonical(cell)


def slstm(package: SimpleNamespace, size: int = 128, heads: int = 4) -> Pair:
    """Our sLSTM beside theirs."""
    other = redrawn(Vanilla(package, size, size, heads))
    return canonical_pair(sLSTM(size, size, num_heads=heads), other, other.canonical)


def stack(package: SimpleNamespace, steps: int, size: int = 128, blocks: int = 4) -> Pair:
    """A stack of blocks beside theirs, of which the second is an sLSTM's."""
    xlstm = package.xlstm
    slstm = xlstm.sLSTMLayerConfig(num_heads=4, backend="vanilla")
    config = xlstm.xLSTMBlockStackConfig(
        mlstm_block=xlstm.mLSTMBlockConfig(mlstm=xlstm.mLSTMLayerConfig(num_heads=4)),
        slstm_block=xlstm.sLSTMBlockConfig(slstm, xlstm.FeedForwardConfig()),
        context_length=steps,
        num_blocks=blocks,
        embedding_dim=size,
        slstm_at=[1],
    )
    own = xLSTMBlockStack(size, blocks, slstm_at=(1,), num_heads=4)
    return canonical_pair(
        own, Stack(xlstm.xLSTMBlockStack(config)), stack_map(own.spec).to_canonical
    )


class Stack(nn.Module):
    """The package's stack, whose call gives y alone, as ours is called."""

    def __init__(self, stack: Any) -> None:
        super().__init__()
        self.stack = redrawn(stack)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """y (B, T, D)."""
        return (self.stack(x),)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """y (B, D) and the new state for x (B, D)."""
        y, state = self.stack.step(x[:, None], state or {})
        return y[:, 0], state


def redrawn(module: Any) -> Any:
    """Moved a little, so that what starts as zero has an effect."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return module


def canonical_pair(own: Any, other: nn.Module, rule: Callable[..., Mapping[str, Any]]) -> Pair:
    """A pair of which ours gets the parameters of theirs; `rule` gives them our names."""

    def named(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        arrays = {n.removeprefix("stack."): t.detach().numpy() for n, t in tensors.items()}
        return dict(rule(arrays))

    own.double()
    other.double()
    ncps.load_parameters(own, named(dict(other.named_parameters())))

    def gradients() -> tuple[Named, Named]:
        native = {n: p.grad.numpy() for n, p in own.named_parameters()}
        one = own.parameter_map(own.spec).to_canonical(native)
        found = {n: p.grad for n, p in other.named_parameters()}
        # a gradient has no constants, as 1 + w has
        zero = named({n: torch.zeros_like(g) for n, g in found.items()})
        two = {n: g - zero[n] for n, g in named(found).items()}
        return tuple({n: torch.as_tensor(g) for n, g in gs.items()} for gs in (one, two))  # type: ignore[return-value]

    return Pair(own, other, gradients)


def check(pair: Pair, x: Any, only: str | None = None) -> None:
    """The correctness gate: outputs and gradients (or `only` one), by the largest entry."""
    bounds = TOLERANCES["float32"]
    y, expected = train(pair.ours, x), train(pair.theirs, x)
    scale = expected.abs().max()
    torch.testing.assert_close(y / scale, expected / scale, **bounds.gradients)
    ours, theirs = pair.gradients()
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    largest = max(float(g.abs().max()) for g in theirs.values())
    for name, gradient in theirs.items():
        if only not in (None, name):
            continue
        # what cancels, as an input gate's bias does, is rounding alone
        least = bounds.gradients["rtol"] * largest
        scale = max(float(gradient.abs().max()), least)
        torch.testing.assert_close(ours[name] / scale, gradient / scale, **bounds.gradients)


class Peak(TorchDispatchMode):
    """The most bytes that tensors made within the context hold at one time, `most`."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self._now = 0
        self._seen = weakref.WeakKeyDictionary[Any, int]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and count the storages that are new."""
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        if storage in self._seen:
            return
        size = storage.nbytes()
        self._seen[storage] = size
        weakref.finalize(storage, self._free, size)
        self._now += size
        self.most = max(self.most, self._now)

    def _free(self, size: int) -> None:
        self._now -= size


def peak(run: Callable[..., Tensor], sizes: tuple[int, int, int, int], device: str) -> float:
    """Megabytes at the top of a training step of an mLSTM; on "meta" nothing is computed."""
    module = Attending(run, sizes).to(device, torch.float32)
    with Peak() as counted:
        module(None)[0].square().mean().backward()
    return counted.most / 1e6


registry.plugin_spec("mLSTM")

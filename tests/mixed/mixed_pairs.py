"""Pairs of a host and a guest that can be tried here, and runs of either side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

import ncps
from ncps import registry
from ncps.wirings import AutoNCP

Array = npt.NDArray[Any]
HOSTS = ("mlx", "torch")
GUESTS = ("keras", "mlx", "torch")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 6, 3)).astype(np.float32)
SPANS = RNG.uniform(0.5, 2.0, (2, 6)).astype(np.float32)
MASK = np.array([[1, 1, 1, 0, 1, 1], [1, 0, 1, 1, 1, 0]], bool)


def layer(framework: str, name: str = "CfC", **config: Any) -> Any:
    """A layer for 3 features; recurrent ones of a small circuit."""
    if name in ("CfC", "LTC"):
        config = {"units": AutoNCP(12, 4, seed=1), **config}
    return ncps.create(name, framework=framework, input_size=3, seed=0, **config)


def gradients(module: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Loss, and its gradients by canonical parameter and by input, of a module of any host."""
    run: Callable[..., dict[str, Array]] = {"torch": _torch, "mlx": _mlx}[module.framework]
    return run(module, inputs)


def _torch(module: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    import torch

    given = {k: torch.tensor(v) for k, v in inputs.items()}
    leaves = {k: v.requires_grad_() for k, v in given.items() if v.is_floating_point()}
    result = module(**given)
    loss = sum(a.sin().sum() for a in _flat(result))
    module.zero_grad()
    loss.backward()
    native = {n: p.grad.numpy() for n, p in _inner(module).named_parameters()}
    # what plays no part, as the time in a GRU, has no gradient in torch
    by_input = {
        k: np.zeros(v.shape) if v.grad is None else v.grad.numpy() for k, v in leaves.items()
    }
    return _named(module, native) | by_input | {"loss": loss.detach().numpy()}


def _mlx(module: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    import mlx.core as mx
    from mlx.utils import tree_flatten

    given = {k: mx.array(v) for k, v in inputs.items()}
    fixed = {k: v for k, v in given.items() if v.dtype == mx.bool_}
    varied = {k: v for k, v in given.items() if k not in fixed}

    def loss(parameters: Any, varied: Any) -> Any:
        module.update(parameters)
        return sum(mx.sin(a).sum() for a in _flat(module(**varied, **fixed)))

    before = module.trainable_parameters()
    value, (by_parameter, by_input) = mx.value_and_grad(loss, argnums=(0, 1))(before, varied)
    module.update(before)
    tree = by_parameter.get("weights", by_parameter)
    native = {n: np.array(g) for n, g in tree_flatten(tree)}
    by_input = {k: np.array(g) for k, g in by_input.items()}
    return _named(module, native) | by_input | {"loss": np.array(value)}


def _named(module: Any, native: dict[str, Array]) -> dict[str, Array]:
    return dict(module.parameter_map(module.spec).to_canonical(native))


def _inner(module: Any) -> Any:
    return module.weights if hasattr(module, "guest") else module


def _flat(result: Any) -> list[Any]:
    if isinstance(result, tuple):
        return [a for part in result for a in _flat(part)]
    return [result]


def numbers(module: Any, result: Any) -> list[Array]:
    """The arrays of a result in NumPy."""
    arrays = registry.arrays(module.framework)
    return [arrays.numpy(a.detach() if hasattr(a, "detach") else a) for a in _flat(result)]

"""The one way in: checks first, then the host's plugin makes the module."""

from __future__ import annotations

from typing import Any

from ncps import registry
from ncps.canonical import Layer, load_parameters, parameters
from ncps.conversion import has_own_code
from ncps.errors import BuildError, MixedError
from ncps.mixed._guest import Guest, bare

_NO_HOST = {
    "keras": (
        "Keras takes the gradients of a layer by its back end's own means, with no place for "
        "another framework's. Put the Keras layer into a torch or MLX model instead"
    ),
    "numpy": "NumPy has no models and no gradients. Take torch or MLX as the host",
}


def wrap(layer: Any, host: str) -> Any:
    """A module of another framework that computes what the layer computes, gradients and all.

    It is a `torch.nn.Module` (host ``"torch"``) or an `mlx.nn.Module` (``"mlx"``). Its call is the
    layer's own, ``y, state = module(x, state, timespans, mask)``, on the host's arrays. Its
    parameters are the host's, under ``weights`` and the layer's native names: the host's
    optimiser changes them, the host's files save them, and the layer's framework computes with
    them. They start from those of the given layer, which is left as it is. Gradients flow to
    parameters, x, state and timespans; the gradient itself cannot be differentiated again.

    Arrays cross by DLPack, in the memory of the CPU. What comes back is the host's own copy.

    Raises: MixedError when the pair cannot work: a layer that is the host's already or has no
    gradients, a host that has no place for it, statistics that move as the layer runs;
    BuildError when the layer is not built; PluginError and UnknownNameError for the host.
    """
    _check_layer(layer, host)
    if host in _NO_HOST:
        raise MixedError(f"{host!r} cannot be the host: {_NO_HOST[host]}.")
    side = registry.host(host)
    guest_side = registry.guest(layer.framework)
    reason = guest_side.refusal(layer, host)
    if reason is not None:
        name = f"{layer.spec.layer} on {layer.framework}"
        raise MixedError(f"{name} cannot be part of a {host} model: {reason}.")
    module = side.module(Guest(bare(layer), guest_side.trainable(layer)))
    load_parameters(module, parameters(layer))
    return module


def _check_layer(layer: Any, host: str) -> None:
    if not isinstance(layer, Layer):
        raise MixedError(
            f"expected a layer made by ncps, got {type(layer).__name__}. Make it with ncps.create, "
            'or turn a framework\'s own into one with ncps.convert(layer, "ncps", framework=…).'
        )
    name = f"{layer.spec.layer} on {layer.framework}"
    if isinstance(getattr(layer, "guest", None), Guest):
        raise MixedError(f"this {name} hosts another layer already. Wrap that one.")
    if layer.framework == host:
        raise MixedError(f"{name} is a module of {host} already. Put it in as it is.")
    if layer.framework == "numpy":
        raise MixedError(f"{name} has no gradients. Convert it with ncps.convert(layer, {host!r}).")
    if not layer.built:
        raise BuildError(
            f"{name} has no parameters yet: its input_size is not known. Pass input_size, or call "
            "layer.build(shape) before it is wrapped."
        )
    if has_own_code(layer):
        raise MixedError(
            f"expected a {layer.spec.layer}, got a {type(layer).__name__} with a call of its own. "
            "Wrap the layers in it, and write that code in the host."
        )
    moving = [p.name for p in layer.spec.parameters() if not p.trainable]
    if moving:
        raise MixedError(
            f"{name} changes {', '.join(moving)} as it runs, and the host would not see it. Use "
            f"ncps.convert(layer, {host!r})."
        )

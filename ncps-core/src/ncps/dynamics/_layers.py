"""Liquid layers and backbones by the one registry: native modules of the chosen technology."""

from __future__ import annotations

import dataclasses
from typing import Any

from ncps import registry, specs
from ncps.canonical import Layer, load_parameters, parameters
from ncps.errors import PluginError, SpecError, unknown
from ncps.specs import Spec, _validate

LIQUID = ("CTGRU", "CTRNN", "CfC", "ELTC", "LTC")


def LiquidCell(kind: str = "CfC", **options: Any) -> Any:
    """One step of a liquid layer, as a native module: ``LiquidCell("LTC", units=8)``.

    `kind` is "CfC", "LTC", "ELTC", "CTRNN" or "CTGRU"; technology, framework, device, dtype, seed
    and the layer's own options are those of `ncps.create`.

    Raises: UnknownNameError for another kind, and as `ncps.create`.
    """
    return registry.create(f"{_kind(kind)}Cell", **options)


def LiquidLayer(cell: str | Layer = "CfC", **options: Any) -> Any:
    """A liquid layer over a sequence, as a native module, from the name of a kind or from a cell.

    From a cell, the layer is of the cell's technology and starts with a copy of its parameters;
    `options`, and `device`, add to the cell's: ``LiquidLayer(cell, return_sequences=False)``.

    Raises: UnknownNameError for another kind; SpecError for what is not a liquid cell; and as
    `ncps.create`.
    """
    if isinstance(cell, str):
        return registry.create(_kind(cell), **options)
    device = options.pop("device", None)
    spec = _sequence_of(cell, options)
    provider = registry.provider_of(cell)
    if provider is None:
        raise PluginError(
            f"expected a cell of an installed technology, got {type(cell).__name__}. Make it with "
            "ncps.create or LiquidCell."
        )
    layer = registry.create(
        spec,
        technology=f"{provider.distribution}:{provider.technology}",
        framework=provider.framework,
        device=device,
        dtype=cell.dtype,
        seed=0,
    )
    if cell.built:
        load_parameters(layer, parameters(cell))
    return layer


def BackboneNetwork(
    input_size: int | None,
    units: int,
    layers: int = 1,
    activation: str = "lecun_tanh",
    seed: int | None = None,
    **place: Any,
) -> Any:
    """The network in front of a liquid layer's heads: affine maps, each with an activation.

    It is the framework's own sequential container of native ``Dense`` layers; technology,
    framework, device and dtype are those of `ncps.create`. The same seed gives the same parameters
    in every technology.

    Shape: x (…, D) → (…, units). Raises: as `ncps.create`.
    """
    _validate.integer("BackboneNetwork", "layers", layers)
    sizes = [input_size, *[units] * (layers - 1)]
    dense = [
        registry.create(
            "Dense",
            input_size=size,
            units=units,
            activation=activation,
            seed=None if seed is None else seed + i,
            **place,
        )
        for i, size in enumerate(sizes)
    ]
    if dense[0].framework == "numpy":
        return _Chain(dense)
    children = {str(i): layer for i, layer in enumerate(dense)}
    return registry.natives(dense[0].framework).assemble("sequential", children)


class _Chain:
    """Layers one after the other, where the framework has no container."""

    def __init__(self, layers: list[Any]) -> None:
        self.layers = layers

    def __call__(self, x: Any) -> Any:
        """The last layer's output."""
        for layer in self.layers:
            x = layer(x)
        return x


def _kind(kind: str) -> str:
    if kind not in LIQUID:
        raise unknown("liquid layer", kind, LIQUID)
    return kind


def _sequence_of(cell: Layer, options: dict[str, Any]) -> Spec:
    spec = getattr(cell, "spec", None)
    if not isinstance(spec, Spec) or spec.kind != "cell" or spec.layer[:-4] not in LIQUID:
        raise SpecError(
            f"LiquidLayer expected the name of a kind or a liquid cell, got {cell!r}. "
            f"Kinds: {', '.join(LIQUID)}; make a cell with LiquidCell."
        )
    own = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    return specs.build(spec.layer[:-4], **{**own, **options})

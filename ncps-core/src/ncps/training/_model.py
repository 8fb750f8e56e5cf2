"""The model of a run: a recurrent layer from the registry and a linear head beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ncps import registry, specs
from ncps.canonical import Layer
from ncps.errors import ConfigError, PluginError

from ._batch import Batch
from ._options import ModelOptions
from ._series import Floats
from ._trainer import Trainer
from ._wiring_text import parse_wiring

_DEFAULT_WIRING = "auto:32"
_DEFAULT_UNITS = 32


@dataclass(frozen=True)
class Built:
    """A model with what trains it: {"recurrent", "head"}, the trainer and where they come from."""

    layers: Mapping[str, Layer]
    trainer: Trainer
    provider: registry.Provider
    wiring: str | None
    units: int | None


def build_model(
    options: ModelOptions, like: Batch, *, seed: int, weight_decay: float, clip_norm: float
) -> Built:
    """The native layers for batches like this one, and the trainer of their framework.

    Raises: PluginError when no installed technology offers the layer, or a trainer for it.
    """
    wiring, config = _layer_options(options)
    spec = specs.build(options.layer, input_size=like.x.shape[-1], **config)
    provider = registry.select(
        options.layer, technology=options.technology, framework=options.framework, spec=spec
    )
    trainer_class = _trainer_class(provider)
    # by the provider's own names, so that both layers are of the framework that was chosen
    recurrent = registry.create(
        spec, technology=provider.technology, framework=provider.framework, seed=seed
    )
    features = spec.output_shape(like.x.shape)[-1]
    head = registry.create(
        "Dense",
        framework=provider.framework,
        seed=seed + 1,
        input_size=cast(int, features) + like.context.shape[-1],
        units=like.target.shape[-1],
    )
    layers = {"recurrent": recurrent, "head": head}
    trainer = trainer_class(layers, weight_decay=weight_decay, clip_norm=clip_norm)
    units = None if wiring is not None else cast(int, config["units"])
    return Built(layers, trainer, provider, wiring, units)


def run_model(layers: Mapping[str, Layer], framework: str, batch: Batch) -> Floats:
    """The model's outputs in any framework, trainer or none, (B, outputs)."""
    arrays = registry.arrays(framework)
    outputs = []
    for piece in batch.chunks():
        y = layers["recurrent"](
            arrays.asarray(piece.x),
            timespans=arrays.asarray(piece.timespans),
            mask=arrays.asarray(piece.mask),
        )
        joined = np.concatenate([arrays.numpy(y), piece.context], axis=1).astype(np.float32)
        outputs.append(np.asarray(arrays.numpy(layers["head"](arrays.asarray(joined))), np.float64))
    return np.concatenate(outputs)


def _trainer_class(provider: registry.Provider) -> Any:
    try:
        return registry.trainer(provider.framework)
    except PluginError as error:
        raise PluginError(
            f"{error} {provider} only runs models; install a framework to train, "
            'such as pip install "ncps[mlx]"'
        ) from None


def _layer_options(options: ModelOptions) -> tuple[str | None, dict[str, Any]]:
    """The wiring's text, and the options of the recurrent layer's spec."""
    if options.layer not in specs.BUILTIN:
        registry.plugin_spec(options.layer)
    spec = specs.get(options.layer)
    if spec.kind != "sequence":
        raise ConfigError(
            f"layer {options.layer!r} is no sequence layer; a series needs one, such as CfC or LSTM"
        )
    wiring = options.wiring
    if wiring is None and options.units is None and hasattr(spec, "wiring"):
        wiring = _DEFAULT_WIRING
    if wiring is not None and not hasattr(spec, "wiring"):
        raise ConfigError(f"layer {options.layer!r} takes no wiring; give units instead")
    units: Any = _DEFAULT_UNITS if options.units is None else options.units
    if wiring is not None:
        units = parse_wiring(wiring)
    last_only = {"return_sequences": False, "return_state": False}
    clash = sorted({"units", "input_size", *last_only} & set(options.options))
    if clash:
        raise ConfigError(f"option {clash[0]!r} is set by the training itself; leave it out")
    return wiring, {"units": units, **options.options, **last_only}

"""`ncps.keras.CfCCell`: one step of a CfC, with the weights of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt
from keras import ops as kops

from ncps.errors import SpecError
from ncps.specs import CfCCell as CfCCellSpec
from ncps_keras import layers, ops
from ncps_keras.face._cell import CellFace, CfCCore, x_shape
from ncps_keras.face._configs import PACKAGE, activation_name, options_of, written
from ncps_keras.face._dialects import DialectWeights
from ncps_keras.parameters import HEADS


@keras.saving.register_keras_serializable(package=PACKAGE, name="CfCCell")
class CfCCell(DialectWeights, CellFace):
    """One step of a CfC; the equations are `ncps.specs.CfCCell`'s.

    `sparsity_mask` (input size + units, units) multiplies the kernels of ff1 and ff2, by its
    absolute value in our dialect; it needs ``backbone_units=0`` and ``backbone_layers=0``.
    Call: ``h, [h] = cell(inputs, states)``, inputs x (B, D) or (x, timespans (B,) or (B, 1)).
    """

    stands_for: ClassVar[type] = layers.CfCCell

    def __init__(
        self,
        units: int,
        mode: str = "default",
        activation: Any = "lecun_tanh",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        backbone_dropout: float = 0.1,
        sparsity_mask: Any = None,
        *,
        dialect: str = "ncps",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sparsity_mask is not None and (backbone_units or backbone_layers):
            raise SpecError(
                "CfCCell expected backbone_units=0 and backbone_layers=0 with a sparsity_mask, got "
                f"{backbone_units} and {backbone_layers}. The mask is over [input, hidden state], "
                "which a backbone would mix."
            )
        self._options = CfCCellSpec(
            units=units,
            mode=mode,
            activation=activation_name(activation),
            # with no layers the number of their units says nothing, and 0 is what many write
            backbone_units=backbone_units if backbone_layers else None,
            backbone_layers=backbone_layers,
            backbone_dropout=backbone_dropout,
            dialect=dialect,
        )
        self.units, self.mode = self._options.state_size, mode
        self._backbone = {
            "backbone_units": backbone_units,
            "backbone_layers": backbone_layers,
            "backbone_dropout": backbone_dropout,
        }
        self.sparsity_mask = _as_mask(sparsity_mask)

    @property
    def dialect(self) -> str:  # type: ignore[override]
        """Which equations the weights belong to."""
        return self._options.dialect

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        return self.units

    @property
    def output_size(self) -> int:
        """Number of neurons."""
        return self.units

    @property
    def spec(self) -> CfCCellSpec:
        """What the cell means."""
        return self._options if self.core is None else self.core.spec

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape."""
        spec = self._options.with_input_size(x_shape(input_shape)[-1])
        features, (block,) = spec.known_input_size() + self.units, spec.blocks
        self.backbone_fn = None
        if block.backbone:
            dense = (keras.layers.Dense(n, name=f"backbone{i}", dtype=self.dtype_policy)
                     for i, n in enumerate(block.backbone))  # fmt: skip
            self.backbone_fn = keras.models.Sequential(list(dense))
            self.backbone_fn.build((None, features))
        self._add_head("ff1", block.features)
        if self.mode == "pure":
            shape = (1, self.units)
            self.w_tau = self.add_weight(shape=shape, initializer="zeros", name="w_tau")
            self.A = self.add_weight(shape=shape, initializer="ones", name="A")
        else:
            self._add_head("ff2", block.features)
            for name in HEADS[2:]:
                dense = keras.layers.Dense(self.units, name=name, dtype=self.dtype_policy)
                dense.build((None, block.features))
                setattr(self, name, dense)
        self._noise = ops.seed_generator(None) if spec.backbone_dropout else None
        self.core = CfCCore(spec, self.read, self.compute_dtype, self._noise)
        self.built = True

    def _add_head(self, name: str, features: int) -> None:
        kernel = self.add_weight(
            shape=(features, self.units), initializer="glorot_uniform", name=f"{name}_weight"
        )
        setattr(self, f"{name}_kernel", kernel)
        bias = self.add_weight(shape=(self.units,), initializer="zeros", name=f"{name}_bias")
        setattr(self, f"{name}_bias", bias)

    def read(self, name: str, masked: bool = True) -> Any:
        """An array of the native layer by its name there; its heads stand side by side."""
        if name.startswith("heads."):
            part = name.removeprefix("heads.")
            heads = HEADS[:1] if self.mode == "pure" else HEADS
            parts = [self._head(head, part, masked) for head in heads]
            return parts[0] if len(parts) == 1 else kops.concatenate(parts, axis=-1)
        value = kops.cast(self._named()[name], self.compute_dtype)
        return kops.reshape(value, (-1,)) if name in ("w_tau", "A") else value

    def _head(self, head: str, part: str, masked: bool) -> Any:
        if head.startswith("time_"):
            return kops.cast(getattr(getattr(self, head), part), self.compute_dtype)
        value = kops.cast(getattr(self, f"{head}_{part}"), self.compute_dtype)
        if part == "bias" or not masked or self.sparsity_mask is None:
            return value
        return value * kops.convert_to_tensor(self._factor, dtype=self.compute_dtype)

    @property
    def _factor(self) -> npt.NDArray[np.float32]:
        """What the mask multiplies by."""
        mask = np.asarray(self.sparsity_mask, dtype="float32")
        return np.abs(mask) if self.dialect == "ncps" else mask

    def _named(self) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for i, dense in enumerate(self.backbone_fn.layers if self.backbone_fn else ()):
            named |= {f"backbone.{i}.kernel": dense.kernel, f"backbone.{i}.bias": dense.bias}
        named |= {"ff1_weight": self.ff1_kernel, "ff1_bias": self.ff1_bias}
        if self.mode == "pure":
            return named | {"w_tau": self.w_tau, "A": self.A}
        named |= {"ff2_weight": self.ff2_kernel, "ff2_bias": self.ff2_bias}
        for head in HEADS[2:]:
            dense = getattr(self, head)
            named |= {f"{head}.kernel": dense.kernel, f"{head}.bias": dense.bias}
        return named

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all variables, with the mask multiplied in: a spec has no such mask."""
        arrays = super().get_native()
        if self.sparsity_mask is not None:
            masked = [n for n in ("ff1_weight", "ff2_weight") if n in arrays]
            arrays |= {name: arrays[name] * self._factor for name in masked}
        return arrays

    def _set_dialect(self, dialect: str) -> None:
        self._options = replace(self._options, dialect=dialect)
        spec = self._options.with_input_size(self.core.spec.input_size)
        self.core = CfCCore(spec, self.read, self.compute_dtype, self._noise)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and our schema."""
        mask = None if self.sparsity_mask is None else self.sparsity_mask.tolist()
        own = {
            "units": self.units,
            "mode": self.mode,
            "activation": self._options.activation,
            **self._backbone,
            "sparsity_mask": mask,
        }
        return {**super().get_config(), **own, **written(self.dialect)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The cell that `get_config` described, ours or that of ncps 1.0.1."""
        return cls(**options_of(config))


def _as_mask(value: Any) -> npt.NDArray[np.float32] | None:
    if isinstance(value, Mapping):  # a tensor as Keras writes it
        value = value["config"]["value"]
    return None if value is None else np.asarray(kops.convert_to_numpy(value), dtype="float32")

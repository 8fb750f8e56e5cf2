"""`ncps.keras.WiredCfCCell`: one step of a wired CfC, with the weights of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras

from ncps.specs import CfCCell as CfCCellSpec
from ncps.wirings import Wiring
from ncps_keras import layers
from ncps_keras.face._cell import CellFace, CfCCore, x_shape
from ncps_keras.face._cfc_cell import CfCCell
from ncps_keras.face._configs import (
    PACKAGE,
    activation_name,
    circuit_of,
    options_of,
    take_wiring,
    written,
)


@keras.saving.register_keras_serializable(package=PACKAGE, name="WiredCfCCell")
class WiredCfCCell(CellFace):
    """One step of a wired CfC. Call: ``y, [h] = cell(inputs, states)``.

    The wiring is built in place, so that it can be drawn afterwards. Without `fully_recurrent` it
    is the strict one (``wiring_mode="strict"`` of `ncps.specs.CfCCell`), which 1.0.1 could not do.
    """

    stands_for: ClassVar[type] = layers.CfCCell

    def __init__(
        self,
        wiring: Wiring,
        fully_recurrent: bool = True,
        mode: str = "default",
        activation: Any = "lecun_tanh",
        *,
        dialect: str = "ncps",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wiring, self.mode = wiring, mode
        self.fully_recurrent = fully_recurrent
        self._activation = activation_name(activation)
        self._dialect = dialect
        self._spec(None)  # an option that cannot be raises here
        self._cfc_layers: list[CfCCell] = []

    def _spec(self, input_size: int | None) -> CfCCellSpec:
        return CfCCellSpec(
            input_size=input_size,
            units=self.wiring,
            mode=self.mode,
            activation=self._activation,
            wiring_mode="ncps-1.0" if self.fully_recurrent else "strict",
            dialect=self.dialect,
        )

    @property
    def dialect(self) -> str:
        """Which equations the weights belong to."""
        return self._cfc_layers[0].dialect if self.built else self._dialect

    @property
    def spec(self) -> CfCCellSpec:
        """What the cell means."""
        if not self.built:
            return self._spec(None)
        self._follow()
        return self.core.spec

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        return self.wiring.units

    @property
    def input_size(self) -> int | None:
        """Features of the input."""
        return self.wiring.input_dim

    @property
    def output_size(self) -> int:
        """Number of motor neurons."""
        return len(self._spec(None).output_neurons)

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape."""
        size = x_shape(input_shape)[-1]
        self.wiring.build(size)
        spec = self._spec(size)
        for block in spec.blocks:
            cell = CfCCell(
                block.units,
                mode=self.mode,
                activation=self._activation,
                backbone_units=0,
                backbone_layers=0,
                backbone_dropout=0.0,
                sparsity_mask=block.mask,
                dialect=self.dialect,
                dtype=self.dtype_policy,
            )
            cell.build((None, block.input_size))
            self._cfc_layers.append(cell)
        self.core = CfCCore(spec, self.read, self.compute_dtype)
        self.built = True

    def read(self, name: str) -> Any:
        """An array of the native layer by its name there: ``layer_<i>.<name>``."""
        layer, _, rest = name.partition(".")
        # the native layer multiplies its masks itself
        return self._cfc_layers[int(layer.removeprefix("layer_"))].read(rest, masked=False)

    def _named(self) -> dict[str, Any]:
        return {
            f"layer_{i}.{name}": variable
            for i, cell in enumerate(self._cfc_layers)
            for name, variable in cell._named().items()
        }

    def _follow(self) -> None:
        """Compute in the dialect that loaded weights brought to the cells inside."""
        if self.core.spec.dialect != self.dialect:
            self.core = CfCCore(self._spec(self.wiring.input_dim), self.read, self.compute_dtype)

    def _step(self, *arguments: Any) -> tuple[Any, list[Any]]:
        self._follow()
        return super()._step(*arguments)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the circuit whatever its class, and our schema."""
        own = {
            "wiring": self.wiring,
            "fully_recurrent": self.fully_recurrent,
            "mode": self.mode,
            "activation": self._activation,
            **circuit_of(self.wiring),
        }
        return {**super().get_config(), **own, **written(self.dialect)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The cell that `get_config` described, ours or that of ncps 1.0.1."""
        options = options_of(config)
        return cls(take_wiring(options, "wiring"), **options)

"""`ncps.mlx.NCPDense`: a dense layer whose kernel a wiring may mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx

from ncps.errors import SpecError
from ncps.specs import Dense as DenseSpec
from ncps.specs import NCPDense as NCPDenseSpec
from ncps.specs import Shape
from ncps.wirings import Wiring
from ncps_mlx import layers
from ncps_mlx.face._layer import NCPLayer


class NCPDense(NCPLayer):
    r"""Dense layer; with a wiring, only along its sensory synapses.

    .. math:: y = \phi(x (W \odot |S|) + b)

    S (D, H) is the wiring's sensory adjacency, H its number of neurons. `units` is H or the wiring;
    an unbuilt wiring is built in place at the first call, so that it can be drawn afterwards.
    `activation` is a name that `ncps.specs.Dense` knows, or a function.

    Shape: x (…, D) → y (…, H).
    Raises: SpecError when `units` and the wiring disagree; WiringError when the wiring was built
    for another input size.
    """

    def __init__(
        self,
        units: int | Wiring,
        activation: str | Callable[[mx.array], mx.array] | None = None,
        use_bias: bool = True,
        wiring: Wiring | None = None,
        *,
        seed: int | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__()
        if isinstance(units, Wiring):
            wiring = units if wiring is None else wiring
            units = units.units
        if wiring is not None and wiring.units != units:
            raise SpecError(
                f"NCPDense expected units={wiring.units}, the neurons of its wiring, got {units}. "
                "Pass the wiring alone: NCPDense(wiring)."
            )
        named = activation if isinstance(activation, str) else None
        self.spec = DenseSpec(units=units, activation=named, use_bias=use_bias)
        self.wiring = wiring
        self.activation = activation
        self.seed = seed
        self.requested_dtype = dtype

    @property
    def units(self) -> int:
        """Number of units."""
        return self.spec.units

    def build(self, input_shape: Shape) -> None:
        """Make kernel and bias for inputs (…, D)."""
        options: dict[str, Any] = {"seed": self.seed, "dtype": self.requested_dtype}
        if self.wiring is None:
            dense: layers.NativeLayer = layers.Dense(self.spec, **options)
        else:
            if input_shape[-1] is not None:
                self.wiring.build(input_shape[-1])
            activation, use_bias = self.spec.activation, self.spec.use_bias
            spec = NCPDenseSpec(units=self.wiring, activation=activation, use_bias=use_bias)
            dense = layers.NCPDense(spec, **options)
        dense.build(input_shape)
        self.dense = dense

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(…, D) → (…, H)."""
        return self.spec.output_shape(input_shape)

    def __call__(self, x: Any) -> mx.array:
        """Run x (…, D)."""
        y = self.dense(x)
        return self.activation(y) if callable(self.activation) else y

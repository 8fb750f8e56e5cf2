"""`ncps.keras.LTCCell`: one step of an LTC, with the weights of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras
from keras import ops as kops

from ncps.errors import SpecError, unknown
from ncps.specs import LTCCell as LTCCellSpec
from ncps.wirings import Wiring
from ncps_keras import layers
from ncps_keras.face._cell import CellFace, LTCCore, x_shape
from ncps_keras.face._configs import PACKAGE, circuit_of, options_of, take_wiring, written
from ncps_keras.parameters import mapping_parts

Range = tuple[float, float]
_RANGES: dict[str, Range] = {
    "gleak": (0.001, 1.0),
    "vleak": (-0.2, 0.2),
    "cm": (0.4, 0.6),
    "w": (0.001, 1.0),
    "sigma": (3, 8),
    "mu": (0.3, 0.8),
    "sensory_w": (0.001, 1.0),
    "sensory_sigma": (3, 8),
    "sensory_mu": (0.3, 0.8),
}


@keras.saving.register_keras_serializable(package=PACKAGE, name="LTCCell")
class LTCCell(CellFace):
    """One step of an LTC; the equations are `ncps.specs.LTCCell`'s, with explicit constraints.

    The wiring is built in place, so that it can be drawn afterwards. `initialization_ranges` are
    (lowest, highest) first values by parameter. Call: ``y, [v] = cell(inputs, states)``.
    """

    stands_for: ClassVar[type] = layers.LTCCell

    def __init__(
        self,
        wiring: Wiring,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        initialization_ranges: Mapping[str, Range] | None = None,
        *,
        dialect: str = "ncps",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wiring = wiring
        self._given: dict[str, Any] = {
            "input_mapping": input_mapping,
            "output_mapping": output_mapping,
            "ode_unfolds": ode_unfolds,
            "epsilon": epsilon,
        }
        self._ranges = {**_RANGES, **_checked(initialization_ranges or {})}
        self._changed = dict(initialization_ranges or {})
        self.dialect = dialect
        self._spec(None)  # an option that cannot be raises here

    def _spec(self, input_size: int | None) -> LTCCellSpec:
        return LTCCellSpec(
            input_size=input_size,
            units=self.wiring,
            implicit_param_constraints=False,
            dialect=self.dialect,
            **self._given,
        )

    @property
    def spec(self) -> LTCCellSpec:
        """What the cell means."""
        return self._spec(None) if self.core is None else self.core.spec

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        return self.wiring.units

    @property
    def sensory_size(self) -> int | None:
        """Features of the input."""
        return self.wiring.input_dim

    @property
    def motor_size(self) -> int:
        """Number of motor neurons."""
        return len(self.wiring.get_output_neurons())

    @property
    def output_size(self) -> int:
        """Number of motor neurons."""
        return self.motor_size

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape."""
        size = x_shape(input_shape)[-1]
        self.wiring.build(size)
        spec, units = self._spec(size), self.state_size
        self._params: dict[str, Any] = {}
        for name in ("gleak", "vleak", "cm"):
            self._add(name, (units,))
        for prefix, sources in (("", units), ("sensory_", size)):
            for name in ("sigma", "mu", "w"):
                self._add(prefix + name, (sources, units))
            self._params[f"{prefix}erev"] = self.add_weight(
                name=f"{prefix}erev", shape=(sources, units), initializer=self._signs(prefix)
            )
        for name, length in (("input", size), ("output", self.motor_size)):
            for part in mapping_parts(spec, name):
                self._params[f"{name}_{part}"] = self.add_weight(
                    name=f"{name}_{part}",
                    shape=(length,),
                    initializer="ones" if part == "w" else "zeros",
                )
        self.core = LTCCore(spec, self.read, self.compute_dtype)
        self.built = True

    def _add(self, name: str, shape: tuple[int, ...]) -> None:
        low, high = self._ranges[name]
        initializers = keras.initializers
        initializer = (
            initializers.Constant(low) if low == high else initializers.RandomUniform(low, high)
        )
        positive = name in LTCCellSpec.nonnegative
        self._params[name] = self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            constraint=keras.constraints.NonNeg() if positive else None,
        )

    def _signs(self, prefix: str) -> Any:
        """The initializer of the reversal potentials: the signs of the synapses."""
        wiring = self.wiring
        signs = wiring.sensory_adjacency_matrix if prefix else wiring.adjacency_matrix

        def initializer(shape: Any, dtype: Any = None) -> Any:
            return kops.convert_to_tensor(signs, dtype=dtype)

        return initializer

    def read(self, name: str) -> Any:
        """A variable in the dtype to compute in; None when the cell has none of this name."""
        variable = self._params.get(name)
        return None if variable is None else kops.cast(variable, self.compute_dtype)

    def _named(self) -> dict[str, Any]:
        return dict(self._params)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, the circuit whatever its class, and our schema."""
        own = {"wiring": self.wiring.get_config(), **self._given, **circuit_of(self.wiring)}
        if self._changed:
            own["initialization_ranges"] = {k: list(v) for k, v in self._changed.items()}
        return {**super().get_config(), **own, **written(self.dialect)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The cell that `get_config` described, ours or that of ncps 1.0.1."""
        options = options_of(config)
        return cls(take_wiring(options, "wiring"), **options)


def _checked(ranges: Mapping[str, Range]) -> Mapping[str, Range]:
    for name, (low, high) in ranges.items():
        if name not in _RANGES:
            raise unknown("parameter of initialization_ranges", name, _RANGES)
        if low > high or (low < 0 and name in LTCCellSpec.nonnegative):
            raise SpecError(
                f"LTCCell expected initialization_ranges[{name!r}] as (lowest, highest)"
                f"{', not negative' if name in LTCCellSpec.nonnegative else ''}, got {(low, high)}."
            )
    return {name: (low, high) for name, (low, high) in ranges.items()}

"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

from ncps.errors import SpecError
from ncps.specs._base import Shape, Spec
from ncps.specs._containers import ContainerSpec, described


@dataclass(frozen=True, kw_only=True)
class Sequential(ContainerSpec):
    r"""Layers one after the other; see `ContainerSpec` for how recurrent ones take part.

    .. math:: y = f_n(\dots f_2(f_1(x)))

    ``Sequential(layers=[("LSTM", {"units": 8}), ("Dense", {"units": 1})])``: parameters
    ``0.input_gate.kernel``, …, ``1.bias``; states ``0.h`` and ``0.c``. Input sizes follow from one
    another and may be left out. After a recurrent layer without `return_sequences` there are no
    steps left for another one.

    Shape: x as the first layer takes it → y as the last one gives it.
    """

    layer: ClassVar[str] = "Sequential"

    layers: tuple[Any, ...]

    def __post_init__(self) -> None:
        given: Any = self.layers
        if not isinstance(given, (tuple, list)) or not given:
            raise SpecError(
                f"Sequential expected layers to be a list of one layer or more, got {given!r}."
            )
        self._set(layers=tuple(described(self.layer, f"layer {i}", d) for i, d in enumerate(given)))
        self._check_steps()
        super().__post_init__()

    def _check_steps(self) -> None:
        recurrent = [(i, m) for i, m in enumerate(self.layers) if m.kind == "sequence"]
        for (i, member), (j, _) in pairwise(recurrent):
            if not getattr(member, "return_sequences", True):
                raise SpecError(
                    f"Sequential expected steps for layer {j}, got none: layer {i} gives its last "
                    f"output alone. Set return_sequences=True in layer {i}."
                )

    def members(self) -> dict[str, Spec]:
        """The layers under their places: ``0``, ``1``, …."""
        return {str(i): member for i, member in enumerate(self.layers)}

    def _set_members(self, members: Mapping[str, Spec]) -> None:
        self._set(layers=tuple(members.values()))

    def _chained(self, shape: Shape) -> tuple[dict[str, Spec], Shape]:
        found = {}
        for name, member in self.members().items():
            found[name] = member.with_input_shape(shape)
            shape = found[name].output_shape(shape)
        return found, shape

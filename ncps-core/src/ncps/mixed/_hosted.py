"""What the modules of all hosts share: the guest's meaning under the names of a layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ncps.canonical import ParameterMap, load_parameters, parameters
from ncps.errors import ParameterError
from ncps.mixed._guest import Guest
from ncps.specs import Shape, Spec


class Hosted:
    """Base of a host's module, beside the host's own module class; it is made of a guest alone."""

    guest: Guest

    @property
    def spec(self) -> Spec:
        """The guest's."""
        return self.guest.spec

    @property
    def built(self) -> bool:
        """True: only built layers are wrapped."""
        return True

    def parameter_map(self, spec: Spec) -> ParameterMap:
        """How the parameters relate to the canonical ones: as the guest's."""
        return self.guest.parameter_map(spec)

    def build(self, input_shape: Shape) -> None:
        """Nothing but the check that the spec takes such inputs."""
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The output's shape for an input's shape."""
        return self.spec.output_shape(input_shape)

    def alike(self, spec: Spec, *, dtype: str, **_: Any) -> Self:
        """Such a module of another spec, with any parameters."""
        return type(self)(self.guest.alike(spec, dtype))  # type: ignore[call-arg]

    def members(self) -> dict[str, Self]:
        """The layers of a container by name, each a module of its own with the same parameters."""
        values, found = parameters(self), {}  # type: ignore[arg-type]
        for name, spec in self.spec.members().items():  # type: ignore[attr-defined]
            found[name] = self.alike(spec, dtype=self.guest.layer.dtype)
            own = {p.name: values[f"{name}.{p.name}"] for p in spec.parameters()}
            load_parameters(found[name], own)  # type: ignore[arg-type]
        return found

    def _check_native(self, own: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """ParameterError unless these arrays have the names and shapes of the module's own."""
        wanted = {name: tuple(a.shape) for name, a in own.items()}
        given = {name: tuple(np.shape(a)) for name, a in arrays.items()}
        if wanted != given:
            raise ParameterError(
                f"{self.guest.name} expected the arrays {wanted}, got {given}. Nothing was "
                "changed. Pass what get_native or the parameter map gives."
            )

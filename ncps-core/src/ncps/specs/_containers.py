"""What containers share: layers inside a layer, their names, sizes, states and parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ncps.errors import NcpsError, ShapeError, SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Shape, Spec, States, StateShapes
from ncps.specs._compound import CompoundSpec, member_of

_LEADS: tuple[Shape, ...] = ((None,), (None, None), (None, None, None))


@dataclass(frozen=True, kw_only=True)
class ContainerSpec(CompoundSpec):
    """A layer made of others, its `members`.

    A member is described by a spec, by ``("Dense", {"units": 4})``, by the name of a layer without
    needed options, or by what `to_config` gave. Parameters and states are called as the member's
    behind its name: ``0.kernel``.

    With a recurrent member the container is one itself: ``y, state = layer(x, state, timespans,
    mask, timestamps)`` passes times and mask to each recurrent member; the state is one tuple of
    all states in order, or the one array if there is one. Members always give their states: their
    own `return_state` is set, and the container's counts. What stands in masked steps is replaced
    by zeros before the first member. Without a recurrent member, ``y = layer(x)``.

    A member without state works on each step as it comes. One that mixes steps, such as a
    convolution, sees masked steps as its predecessor left them, and knows nothing of an earlier
    call.
    """

    kind: ClassVar[Kind] = "feedforward"

    return_state: bool = True

    def __post_init__(self) -> None:
        _validate.flag(self.layer, "return_state", self.return_state)
        members = self.members()
        first = next(iter(members.values()))
        recurrent = any(m.kind == "sequence" for m in members.values())
        self._set(kind="sequence" if recurrent else "feedforward", indices=first.indices)
        sized = [m for m in members.values() if m.sized]
        self._set(sized=bool(sized) and not first.indices)
        self._set(needs_batch=not recurrent and any(m.needs_batch for m in members.values()))
        super().__post_init__()
        if self.sized and self.input_size is None and sized[0].input_size is not None:
            self._set(input_size=self._size_before(sized[0]))
        self._set_members(self._resolved())

    def _set_members(self, members: Mapping[str, Spec]) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _set_members")

    def _chained(self, shape: Shape) -> tuple[dict[str, Spec], Shape]:
        """The members for an input of this shape, and the shape of the output."""
        raise NotImplementedError(f"{type(self).__name__} must define _chained")

    def _inputs(self) -> Iterable[Shape]:
        """Shapes that the input may have."""
        leads = _LEADS[1:2] if self.kind == "sequence" else _LEADS
        return [lead if self.indices else (*lead, self.input_size) for lead in leads]

    def _resolved(self) -> dict[str, Spec]:
        """The members with the sizes that follow from the container's."""
        failures: list[NcpsError] = []
        for shape in self._inputs():
            try:
                return self._chained(shape)[0]
            except ShapeError as error:
                failures.append(error)
        why = str(failures[0])
        if not why.startswith(self.layer):
            why = f"{self.layer} expected each layer to take what the one before gives: {why}"
        raise SpecError(why) from failures[0]

    def _size_before(self, member: Spec) -> int | None:
        """The size of x, where it is that of the first member with a size."""
        size = member.input_size
        for lead in _LEADS:
            shape: Shape = (*lead, size)
            for other in self.members().values():
                if other is member and shape[-1] == size:
                    return size
                try:
                    shape = other.output_shape(shape)
                except ShapeError:
                    break
        return None

    @property
    def size_unit(self) -> int:
        """That of the first member with a size."""
        return next((m.size_unit for m in self.members().values() if m.sized), 1)

    @property
    def return_sequences(self) -> bool:
        """Whether every recurrent member gives an output for each step."""
        recurrent = (m for m in self.members().values() if m.kind == "sequence")
        return all(getattr(member, "return_sequences", True) for member in recurrent)

    @property
    def forward_only(self) -> bool:
        """Whether no member reads ahead."""
        return all(member.forward_only for member in self.members().values())

    @property
    def output_size(self) -> int:
        """Length of the last axis of the output."""
        for shape in self._inputs():
            try:
                size = self._chained(shape)[1][-1]
            except ShapeError:
                continue
            if size is not None:
                return size
        return super().output_size

    def with_input_shape(self, input_shape: Shape) -> Self:
        """This spec with all sizes filled in that follow from the shape of an input."""
        spec = super().with_input_shape(input_shape)
        if not spec.is_open:
            return spec
        filled = dataclasses.replace(spec)
        filled._set_members(filled._chained(input_shape)[0])
        return filled

    def output_shape(self, input_shape: Shape) -> Shape:
        """What the last member makes of it."""
        if self.kind == "sequence":
            names = "(B, T) or (T,)" if self.indices else "(B, T, D) or (T, D)"
            self.check_features(input_shape, (1, 2) if self.indices else (2, 3), names)
        elif self.sized:
            self.check_features(input_shape, (len(input_shape) or 1,), "(…, D)")
        return self._chained(input_shape)[1]

    def refuse(self, *given: object) -> None:
        """ShapeError when a container without a recurrent member is given more than x."""
        if self.kind == "feedforward" and any(value is not None for value in given):
            raise ShapeError(
                f"{self.layer} without a recurrent layer expected x alone, got a state, times or a "
                "mask. Leave them out."
            )

    def state_shapes(self) -> StateShapes:
        """Name and shape of each state array, member by member."""
        return tuple(
            (f"{name}.{state}", shape)
            for name, member in self.members().items()
            for state, shape in member.state_shapes()
        )

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """The dtype of each state array, member by member."""
        return tuple(name for m in self.members().values() for name in m.state_dtypes(dtype))

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state, member by member."""
        members = self.members().values()
        return tuple(s for member in members for s in member.draw_state(rng, lead))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """A random x, as the first member takes it."""
        return next(iter(self.members().values())).draw(rng, shape)

    def example(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """A small random input, with as many axes as the first member takes."""
        if self.kind == "sequence":
            return self.draw(rng, (2, 7) if self.indices else (2, 7, self.known_input_size()))
        first = next(iter(self.members().values()))
        if first.sized or not self.sized:
            return first.example(rng)
        return self.draw(rng, (*first.example(rng).shape[:-1], self.known_input_size()))


def described(container: str, what: str, given: Any) -> Spec:
    """The spec of a member: a spec, a name, ``(name, options)``, or a config.

    Raises: SpecError for anything else, for a single step, which has no sequence to run over, and
    for a collection, which is not called.
    """
    found = member_of(container, what, given)
    if found.kind == "collection":
        raise SpecError(
            f"{container} expected {what} to take an input, got {found.layer}, whose layers are "
            "called one by one. Use Sequential in its place."
        )
    if found.kind == "cell":
        raise SpecError(
            f"{container} expected {what} to run over a sequence, got {found.layer}: a cell is "
            f"one step. Use {found.layer.removesuffix('Cell')}."
        )
    has_state = found.kind == "sequence" and not getattr(found, "return_state", True)
    return dataclasses.replace(found, return_state=True) if has_state else found  # type: ignore[call-arg]

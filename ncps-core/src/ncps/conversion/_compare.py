"""Two layers side by side: the largest difference of their outputs and of every step's states."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps import registry
from ncps.canonical import Leaf, describe, meaning
from ncps.conversion._record import numbers, record, trace
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import ConversionError
from ncps.specs import CollectionSpec, Spec

Array = npt.NDArray[Any]

_BATCH, _STEPS = 2, 16


@dataclass(frozen=True)
class Difference:
    """How far two recordings of one array are apart.

    `largest` is the largest absolute difference and stands at `step` (None without steps);
    `allowed` is what the dtype may differ by, given the array's largest value.
    """

    name: str
    largest: float
    step: int | None
    allowed: float

    @property
    def within(self) -> bool:
        """Whether the difference is allowed; one that is not a number is not."""
        return self.largest <= self.allowed

    def __str__(self) -> str:
        where = "" if self.step is None else f" at step {self.step}"
        return f"{self.name}: {self.largest:.1e}{where}, allowed {self.allowed:.1e}"


@dataclass(frozen=True)
class Comparison:
    """Differences of the output ``y`` and of each state; as text, a table."""

    first: str
    second: str
    differences: tuple[Difference, ...]

    @property
    def within(self) -> bool:
        """Whether all differences are allowed."""
        return all(d.within for d in self.differences)

    @property
    def largest(self) -> float:
        """The largest difference of all."""
        return max((d.largest for d in self.differences), key=lambda d: (np.isnan(d), d))

    def __str__(self) -> str:
        rows = [
            (d.name, f"{d.largest:.1e}", "-" if d.step is None else str(d.step), f"{d.allowed:.1e}")
            for d in self.differences
        ]
        headings = ("array", "largest difference", "at step", "allowed")
        return f"{self.first} beside {self.second}\n\n{registry.table_text(headings, rows)}"


def compare(
    first: Any,
    second: Any,
    x: Any = None,
    state: Any = None,
    timespans: Any = None,
    mask: Any = None,
) -> Comparison:
    """Run two layers on the same input and set every step's output and states side by side.

    Each step of the second layer starts from the state of the first: a network may amplify a
    rounding over a sequence, and what is compared is the function. Without x both run on a fixed
    random sequence of 16 irregular steps, from a random state. One of a framework's own layers,
    such as `torch.nn.LSTM`, is compared by its outputs from zeros. What two layers may differ by
    is what the coarser of their dtypes may differ from the float64 reference by, relative to the
    largest value of each array. Values that are not finite prove nothing and are not allowed.
    Of a collection, such as a ModuleList, each layer is compared; it takes no x.

    Raises: ConversionError when the layers do not mean the same; as `ncps.record` otherwise.
    """
    one, two = _leaf(first), _leaf(second)
    if meaning(one.spec) != meaning(two.spec):
        raise ConversionError(
            f"compare expected two layers that mean the same, got {one.spec} and {two.spec}."
        )
    if isinstance(one.spec, CollectionSpec):
        return _by_member(one, two, x)
    given = {"x": x, "state": state, "timespans": timespans, "mask": mask}
    if x is None:
        given = example(one.spec)
    if one.natives is None and two.natives is None:
        arguments = [given.get(name) for name in ("x", "state", "timespans", "mask")]
        left = trace(one.module, [*arguments, None])
        right = trace(two.module, [*arguments, None], along=left)
    else:
        left, right = _outputs(one, given), _outputs(two, given)
    bounds = max((TOLERANCES[leaf.dtype].values for leaf in (one, two)), key=_size)
    time = left["y"].ndim - 2 if one.spec.kind == "sequence" else None
    found = [_difference(name, left[name], right[name], bounds, time) for name in left]
    return Comparison(_described(one), _described(two), tuple(found))


def _by_member(one: Leaf, two: Leaf, x: Any) -> Comparison:
    """The members of two collections side by side, each as `compare` has them."""
    if x is not None:
        raise one.spec.uncalled()  # type: ignore[attr-defined]
    others = two.module.members()
    found = [
        dataclasses.replace(difference, name=f"{name}.{difference.name}")
        for name, member in one.module.members().items()
        for difference in compare(member, others[name]).differences
    ]
    return Comparison(_described(one), _described(two), tuple(found))


def _leaf(layer: Any) -> Leaf:
    found = describe(layer)
    if found is None:
        raise ConversionError(
            f"compare expected a layer of ncps or one of a framework's own, got "
            f"{type(layer).__name__}."
        )
    return found


def _outputs(leaf: Leaf, given: dict[str, Any]) -> dict[str, Array]:
    """The outputs from zeros for x alone: a framework's own layer takes no more everywhere."""
    cell = leaf.spec.kind == "cell"
    x = np.asarray(numbers(given["x"]))
    if leaf.natives is None:
        return {"y": record(leaf.module, x)["y"]}
    y = leaf.natives.run(leaf.module, x[:, None] if cell else x)
    return {"y": y[:, 0] if cell else y}


def _described(leaf: Leaf) -> str:
    """A layer's type, technology and dtype in words."""
    if leaf.natives is not None:
        kind = type(leaf.module)
        return f"{kind.__module__.partition('.')[0]}'s {kind.__name__} ({leaf.dtype})"
    provider = registry.provider_of(leaf.module)
    where = leaf.module.framework
    name = where if provider is None else f"{provider.technology} on {where}"
    return f"{leaf.spec.layer} of {name} ({leaf.dtype})"


def example(spec: Spec) -> dict[str, Any]:
    """Arguments of a call that meet every part of a layer: irregular times, a random state."""
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {"x": spec.example(rng)}
    if spec.kind != "feedforward":
        lead = data["x"].shape if spec.indices else data["x"].shape[:-1]
        states = spec.draw_state(rng, lead[:1])
        data["state"] = states[0] if len(states) == 1 else states
        data["timespans"] = rng.uniform(0.1, 2.0, lead)
    return {"x": data.pop("x"), **{name: _as_float32(value) for name, value in data.items()}}


def _as_float32(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_as_float32(v) for v in value)
    return value.astype(np.float32)


def _size(bounds: Any) -> float:
    return float(bounds["rtol"])


def _difference(name: str, one: Array, two: Array, bounds: Any, time: int | None) -> Difference:
    one, two = one.astype(np.float64), two.astype(np.float64)
    allowed = bounds["atol"] + bounds["rtol"] * float(np.abs(one).max(initial=0.0))
    with np.errstate(invalid="ignore"):  # inf - inf
        gap = np.abs(one - two)
    if gap.size == 0:
        return Difference(name, 0.0, None, allowed)
    # argmax takes the first NaN for the largest
    largest = np.unravel_index(int(gap.argmax()), gap.shape)
    step = None if time is None else int(largest[time])
    return Difference(name, float(gap[largest]), step, allowed)

"""States that stay between calls: one for each stream of data, row by row."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from ncps.canonical import Layer
from ncps.dynamics._functions import functions_of
from ncps.errors import ShapeError


class StateManager:
    """A recurrent layer that remembers: each call goes on where the last one of its stream ended.

    ``y = manager(x, stream="left")`` runs the layer from the state that the stream has, or from the
    beginning, and keeps the new one. A sequence that is cut in pieces gives what it gives whole.
    Streams know nothing of each other; their batches may differ in size.
    """

    def __init__(self, layer: Layer) -> None:
        if not layer.spec.state_shapes() or not getattr(layer.spec, "return_state", True):
            raise ShapeError(
                f"StateManager expected a layer that returns a state, got {layer.spec.layer}. "
                "Pass a recurrent layer made with return_state=True."
            )
        self.layer = layer
        self._states: dict[Hashable, Any] = {}

    def __call__(self, x: Any, *, stream: Hashable = None, **inputs: Any) -> Any:
        """The layer's output for x, from the stream's state; timespans and mask as in its call."""
        y, self._states[stream] = self.layer(x, self._states.get(stream), **inputs)
        return y

    @property
    def streams(self) -> tuple[Hashable, ...]:
        """The streams that have a state."""
        return tuple(self._states)

    def state(self, stream: Hashable = None) -> Any:
        """The stream's state, None at the beginning."""
        return self._states.get(stream)

    def set(self, state: Any, stream: Hashable = None) -> None:
        """Go on from this state; None is the beginning."""
        self._states[stream] = state

    def reset(self, stream: Hashable = None, rows: Iterable[int] | None = None) -> None:
        """Begin again: the whole stream, or some rows of its batch.

        Raises: ShapeError for rows that the batch does not have.
        """
        state = self._states.get(stream)
        if rows is None or state is None:
            self._states.pop(stream, None)
            return
        arrays = state if isinstance(state, tuple) else (state,)
        shape, gone = tuple(arrays[0].shape), set(rows)
        alone = len(shape) == len(self.layer.spec.state_shapes()[0][1])
        if alone or not gone <= set(range(shape[0])):
            raise ShapeError(
                f"StateManager expected rows of a batch of {1 if alone else shape[0]}, "
                f"got {sorted(gone)}. Count from 0; a stream without a batch is reset as a whole."
            )
        fresh = self.layer.get_initial_state(shape[0])
        starts = fresh if isinstance(fresh, tuple) else (fresh,)
        mixed = tuple(_rows(old, new, gone) for old, new in zip(arrays, starts, strict=True))
        self._states[stream] = mixed if isinstance(state, tuple) else mixed[0]

    def reset_all(self) -> None:
        """Begin again in every stream."""
        self._states.clear()

    def detach(self) -> None:
        """Cut all gradients: the next calls teach nothing to those before (truncated BPTT)."""
        for stream, state in self._states.items():
            arrays = state if isinstance(state, tuple) else (state,)
            cut = tuple(functions_of(array).detach(array) for array in arrays)
            self._states[stream] = cut if isinstance(state, tuple) else cut[0]


def _rows(old: Any, new: Any, gone: set[int]) -> Any:
    """`old` (B, ·) with the rows of `new` where they are gone."""
    picked = [(new if i in gone else old)[i : i + 1] for i in range(old.shape[0])]
    return functions_of(old).concatenate(picked, 0)

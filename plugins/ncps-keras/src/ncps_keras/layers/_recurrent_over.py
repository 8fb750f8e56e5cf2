"""A sequence over a cell that someone else wrote, trained in O(T)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops as kops

from ncps.errors import ShapeError
from ncps.specs import RecurrentOver as Call
from ncps.specs import inputs
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE


@keras.saving.register_keras_serializable(package=PACKAGE)
class RecurrentOver(keras.layers.Layer):
    r"""A cell over a sequence; see `ncps.layers.RecurrentOver` for what a cell is.

    .. math:: y_t, s_t = \mathrm{cell}(x_t, s_{t-1})

    The cell is called once a step, in a graph too, so that the number of steps must be known there.

    Shape: x (B, T, D) or (T, D) → y (B, T, ·), or (B, ·) without `return_sequences`; what follows
    the batch in y and in the state is the cell's.
    Raises: ShapeError when x, timespans or the mask do not fit; SpecError when the cell returns no
    pair.
    """

    def __init__(
        self,
        cell: keras.layers.Layer,
        *,
        reverse_cell: keras.layers.Layer | None = None,
        return_sequences: bool = True,
        return_state: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._convert_input_args = False
        self.supports_masking = True
        self.how = Call(return_sequences=return_sequences, return_state=return_state)
        self.cell = cell
        self.reverse_cell = reverse_cell

    def build(self, input_shape: Any) -> None:
        """Build the cells, by one step of each on zeros."""
        for cell in (self.cell, self.reverse_cell):
            if cell is not None and not cell.built:
                x = kops.zeros((1, input_shape[-1]), dtype=self.compute_dtype)
                _step(cell, x, _start(cell, 1), kops.ones((1, 1), dtype=self.compute_dtype))

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
        **options: Any,
    ) -> Any:
        """Run x (B, T, D) or (T, D)."""
        given = {"state": each(state, ops.as_tensor), "mask": ops.as_tensor(mask)}
        given |= {"timespans": ops.as_given(timespans), "timestamps": ops.as_given(timestamps)}
        given = {name: value for name, value in given.items() if value is not None}
        return super().__call__(ops.as_tensor(x), **given, **options)

    def call(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
        x_mask: Any = None,
    ) -> Any:
        """Run a sequence; see `__call__`. Keras puts x's own mask into `mask` or `x_mask`."""
        x = kops.cast(x, self.compute_dtype)
        axes = inputs.sequence_axes(self.how, tuple(x.shape))
        self._check_steps(axes.steps, tuple(x.shape))
        dt = ops.elapsed(self.how, axes, timespans, timestamps, self.compute_dtype)
        times = ops.Times(dt, ops.real_steps(self.how, axes, x_mask if mask is None else mask))
        if not axes.batched:
            x, state = x[None], each(state, lambda s: s[None])
        y, state = self._both(x, state, times)
        if not axes.batched:
            y, state = y[0], each(state, lambda s: s[0])
        return (y, state) if self.how.return_state else y

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        """None: what follows the batch in the state is the cell's."""
        return mask if self.how.return_sequences and not self.how.return_state else None

    def get_config(self) -> dict[str, Any]:
        """Keras' own options, the cells and how they are called."""
        cells = {"cell": self.cell, "reverse_cell": self.reverse_cell}
        made = {n: c and keras.saving.serialize_keras_object(c) for n, c in cells.items()}
        how = {n: getattr(self.how, n) for n in ("return_sequences", "return_state")}
        return {**super().get_config(), **made, **how}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The layer that `get_config` described, with new parameters."""
        options = dict(config)
        for name in ("cell", "reverse_cell"):
            if options[name] is not None:
                options[name] = keras.saving.deserialize_keras_object(options[name])
        return cls(options.pop("cell"), **options)

    def _check_steps(self, steps: int | None, shape: tuple[int | None, ...]) -> None:
        if steps is None:
            raise ShapeError(
                f"RecurrentOver expected a known number of steps, got {shape}: the cell is called "
                "once for each. Give the input its length, or run the model eagerly."
            )
        self.how.check_steps(steps)

    def _both(self, x: Any, state: Any, times: ops.Times) -> tuple[Any, Any]:
        if self.reverse_cell is None:
            return self._run(self.cell, x, state, times)
        one, two = (None, None) if state is None else state
        y, one = self._run(self.cell, x, one, times)
        back, two = self._run(self.reverse_cell, kops.flip(x, axis=1), two, times.backwards)
        back = kops.flip(back, axis=1) if self.how.return_sequences else back
        return kops.concatenate([y, back], axis=-1), (one, two)

    def _run(self, cell: Any, x: Any, state: Any, times: ops.Times) -> tuple[Any, Any]:
        """y after every step or the last one, and the last state."""
        real = [None] * x.shape[1] if times.mask is None else kops.unstack(times.mask, axis=1)
        x = x if times.mask is None else times.clean(x)
        state = _start(cell, kops.shape(x)[0]) if state is None else state
        y: Any = None
        outputs = []
        # never a slice a step: its gradient would cost O(T) each on torch
        steps = zip(kops.unstack(x, axis=1), real, _each_step(times.dt, x), strict=True)
        for x_t, real_t, dt_t in steps:
            new_y, new = self.how.pair(_step(cell, x_t, state, dt_t))
            y, state = _kept(real_t, new_y, y), _kept(real_t, new, state)
            outputs.append(y)
        return kops.stack(outputs, axis=1) if self.how.return_sequences else y, state


def each(tree: Any, change: Callable[[Any], Any]) -> Any:
    """A change of every tensor in tuples and lists; None stays."""
    if isinstance(tree, (tuple, list)):
        return type(tree)(each(part, change) for part in tree)
    return None if tree is None else change(tree)


def _start(cell: Any, batch: Any) -> Any:
    """The state that the cell starts from, None where it does not say."""
    return cell.get_initial_state(batch) if hasattr(cell, "get_initial_state") else None


def _step(cell: Any, x: Any, state: Any, dt: Any) -> Any:
    timed = "timespans" in inspect.signature(cell.call).parameters
    return cell(x, state, **({"timespans": dt} if timed else {}))


def _each_step(dt: Any, x: Any) -> Any:
    """Δt (B, 1) of every step."""
    dt = kops.ones((), dtype=x.dtype) if dt is None else dt
    return kops.unstack(kops.broadcast_to(dt, kops.shape(x)[:2])[..., None], axis=1)


def _kept(real: Any, new: Any, old: Any) -> Any:
    """The new tensors (B, …) in real rows, the old ones, or zeros, in others."""
    if real is None:
        return new
    if isinstance(new, (tuple, list)):
        before = [None] * len(new) if old is None else old
        return type(new)(_kept(real, n, o) for n, o in zip(new, before, strict=True))
    rows = kops.reshape(real, (-1, *[1] * (len(new.shape) - 1)))
    return kops.where(rows, new, kops.zeros_like(new) if old is None else old)

"""Where the layered drawing puts neurons, and along which curves synapses run.

Columns stand at x = 0, 1, 2, …, sensory neurons first; y runs from -0.5 to 0.5 in every column.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._wiring import Wiring

Points = NDArray[np.float64]

# the height that a column of few neurons may take for each of them
_ROOMIEST = 0.17
_SAMPLES = 49


@dataclass(frozen=True)
class Column:
    """One column of the drawing: a title and the places of its neurons in the drawing."""

    title: str
    nodes: tuple[int, ...]
    x: float


@dataclass(frozen=True)
class Circuit:
    """A wiring as drawn. Nodes are the neurons 0 … units - 1, then the sensory neurons."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    synapses: NDArray[np.int64]  # (S, 3): source node, target node, sign
    columns: tuple[Column, ...]
    positions: Points  # (nodes, 2)


def circuit(wiring: Wiring) -> Circuit:
    """Nodes, synapses and the layered positions of a built wiring."""
    units, sensory = wiring.units, wiring._sensory()
    inner, outer = np.argwhere(wiring.adjacency_matrix), np.argwhere(sensory)
    signs = np.concatenate([sensory[tuple(outer.T)], wiring.adjacency_matrix[tuple(inner.T)]])
    pairs = np.concatenate([outer + np.array([units, 0]), inner])
    types = [wiring.get_type_of_neuron(i) for i in range(units)] + ["sensory"] * len(sensory)
    layers = [list(range(units, units + len(sensory))), *wiring._layers()]
    columns = _columns(layers, types)
    roomiest = max(_ROOMIEST, 1 / max(map(len, layers)))
    positions = np.zeros((len(types), 2))
    for column in columns:
        positions[list(column.nodes)] = _places(column, roomiest)
    return Circuit(
        names=(*map(str, range(units)), *map(str, range(len(sensory)))),
        types=tuple(types),
        synapses=np.column_stack([pairs, signs]),
        columns=columns,
        positions=positions,
    )


def _columns(layers: list[list[int]], types: list[str]) -> tuple[Column, ...]:
    names = [" + ".join(dict.fromkeys(types[i] for i in layer)) for layer in layers]
    seen: Counter[str] = Counter()
    columns = []
    for x, (name, layer) in enumerate(zip(names, layers, strict=True)):
        seen[name] += 1
        title = f"{name} {seen[name]}" if names.count(name) > 1 else name
        columns.append(Column(title, tuple(layer), float(x)))
    return tuple(columns)


def _places(column: Column, roomiest: float) -> Points:
    size = len(column.nodes)
    step = min(roomiest, 1 / size)
    y = step * ((size - 1) / 2 - np.arange(size))
    return np.column_stack([np.full(size, column.x), y])


def curves(start: Points, end: Points, loop: Points) -> Points:
    """The curve of each synapse: (S, points, 2).

    Towards a later column it is a wave; within a column an arc, to the right when it runs down and
    to the left when it runs up; towards an earlier column a bow below; at home a loop of size
    ``loop`` (S, 2).
    """
    dx, dy = (end - start).T
    offset = np.zeros((2, len(start), 2))  # of both control points from their ends
    forward = dx > 0
    offset[0, forward, 0], offset[1, forward, 0] = dx[forward] / 2, -dx[forward] / 2
    # a wave over several columns bends upwards, clear of the neurons between
    offset[:, :, 1] += np.where(dx > 1, 0.12 * dx, 0.0)
    within = (dx == 0) & (dy != 0)
    offset[:, within, 0] = (-np.sign(dy) * (0.07 + 0.33 * np.abs(dy) ** 0.8))[within]
    back = dx < 0
    offset[:, back, 0] = (0.3 - 0.35 * dx[back]) * np.array([[1], [-1]])
    # the deepest point of such a curve is three quarters of the way to its control points
    offset[0, back, 1], offset[1, back, 1] = (
        -0.72 - end_y[back] for end_y in (start[:, 1], end[:, 1])
    )
    home = (dx == 0) & (dy == 0)
    offset[0, home], offset[1, home] = loop[home], loop[home] * [1, -1]
    return _bezier(np.stack([start, start + offset[0], end + offset[1], end]))


def chords(start: Points, end: Points, loop: Points) -> Points:
    """As ``curves`` for neurons anywhere: a slight bend keeps i → j apart from j → i."""
    along = end - start
    bend = 0.08 * along[:, ::-1] * [-1, 1]
    home = ~along.any(axis=1)
    first, last = along / 3 + bend, -along / 3 + bend
    first[home], last[home] = loop[home], loop[home] * [1, -1]
    return _bezier(np.stack([start, start + first, end + last, end]))


def _bezier(control: Points) -> Points:
    t = np.linspace(0, 1, _SAMPLES)
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    points: Points = np.einsum("kp,ksd->spd", weights, control)
    return points

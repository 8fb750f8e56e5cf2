"""Drawings of wirings with matplotlib."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ncps.errors import PluginError, unknown

from ._graph import check_built, get_graph, require
from ._layout import Circuit, Points, chords, circuit, curves

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from ._wiring import Wiring

# the palette of Okabe and Ito, which people who confuse colours tell apart
_NEURONS = {"sensory": "#E69F00", "inter": "#56B4E9", "command": "#CC79A7", "motor": "#009E73"}
_OTHER_NEURONS = "#8C8C8C"
_SYNAPSES = {"excitatory": "#0072B2", "inhibitory": "#D55E00"}
_SIGNS = {"excitatory": 1, "inhibitory": -1}
_DASHES = {"excitatory": "solid", "inhibitory": (0, (3.2, 1.8))}
_NETWORKX = ("kamada", "circular", "random", "shell", "spring", "spectral", "spiral")


# points of height that two lines of title, and one line of legend, take
_TITLE, _LEGEND_ROW, _MARGIN = 40.0, 17.0, 10.0
# points of width that an entry of the legend takes
_LEGEND_ENTRY = 108.0


@dataclass(frozen=True)
class _Style:
    neurons: dict[str, str]
    synapses: dict[str, str]
    radii: Points  # (nodes,) in points


def draw(
    wiring: Wiring,
    layout: str,
    neuron_colors: Mapping[str, str] | None,
    synapse_colors: str | Mapping[str, str] | None,
    draw_labels: bool,
    ax: Axes | None,
) -> list[Artist]:
    """See ``Wiring.draw_graph``."""
    check_built(wiring)
    layered = layout == "layered"
    if not layered and layout not in _NETWORKX:
        raise unknown("layout", layout, ("layered", *_NETWORKX))
    colors = _neuron_colors(neuron_colors), _synapse_colors(synapse_colors)
    drawn = circuit(wiring)
    if not layered:
        drawn = replace(drawn, positions=_networkx_positions(wiring, layout))
    axes = ax if ax is not None else require("matplotlib.pyplot").gca()
    handles = _handles(drawn, *colors)
    rows = _legend_rows(axes, len(handles))
    _frame(axes, drawn, layered, rows)
    style = _style(axes, drawn, layered, *colors)
    _draw_synapses(axes, drawn, style, layered)
    _draw_neurons(axes, drawn, style)
    if draw_labels:
        _draw_labels(axes, drawn, style)
    if layered:
        _draw_columns(axes, drawn, style)
        axes.legend(
            handles=handles,
            loc="lower center",
            ncols=-(-len(handles) // rows),
            frameon=False,
            fontsize=9,
            handletextpad=0.6,
            columnspacing=1.5,
        )
    return handles


def _neuron_colors(given: Mapping[str, str] | None) -> dict[str, str]:
    return {**_NEURONS, **(given or {})}


def _synapse_colors(given: str | Mapping[str, str] | None) -> dict[str, str]:
    if isinstance(given, str):
        return dict.fromkeys(_SYNAPSES, given)
    for key in given or {}:
        if key not in _SYNAPSES:
            raise unknown("synapse polarity", key, _SYNAPSES)
    return {**_SYNAPSES, **(given or {})}


def _networkx_positions(wiring: Wiring, layout: str) -> Points:
    nx = require("networkx")
    graph = get_graph(wiring, include_sensory_neurons=True)
    function = getattr(nx, "kamada_kawai_layout" if layout == "kamada" else f"{layout}_layout")
    seeded = {"seed": 0} if layout in ("random", "spring") else {}
    try:
        placed = function(graph, **seeded)
    except ImportError as error:
        raise PluginError(
            f"layout {layout!r} expected a package that networkx needs for it ({error}). "
            "Install that package, or use layout='layered'."
        ) from error
    # the graph's nodes are in the circuit's order: neurons, then sensory neurons
    positions = np.array([placed[node] for node in graph], dtype=np.float64)
    low, high = positions.min(axis=0), positions.max(axis=0)
    centred: Points = (positions - low) / np.where(high > low, high - low, 1.0) - 0.5
    return centred


def _size(axes: Axes) -> Points:
    """Width and height of the axes in points."""
    size: Points = np.array(axes.bbox.size) * 72 / axes.figure.dpi
    return size


def _legend_rows(axes: Axes, entries: int) -> int:
    most = max(1, int(_size(axes)[0] / _LEGEND_ENTRY))
    return -(-entries // most)


def _frame(axes: Axes, drawn: Circuit, layered: bool, legend_rows: int) -> None:
    """Limits that leave room, in points, for titles and legend."""
    axes.set_axis_off()
    height = _size(axes)[1]
    above, below = (_TITLE, _MARGIN + legend_rows * _LEGEND_ROW) if layered else (0.0, 0.0)
    above, below = above + _MARGIN, below + _MARGIN
    unit = 1 / max(height - above - below, height / 3)
    axes.set_ylim(-0.5 - below * unit, 0.5 + above * unit)
    x = drawn.positions[:, 0]
    side = 0.45 if layered else 0.06
    axes.set_xlim(x.min() - side, x.max() + side)


def _style(
    axes: Axes, drawn: Circuit, layered: bool, neurons: dict[str, str], synapses: dict[str, str]
) -> _Style:
    radii = np.full(len(drawn.types), np.clip(60 / np.sqrt(len(drawn.types)), 3.0, 9.0))
    if layered:
        point = _per_point(axes)[1]
        for column in drawn.columns:
            nodes = list(column.nodes)
            step = np.ptp(drawn.positions[nodes, 1]) / max(len(nodes) - 1, 1) or 1.0
            radii[nodes] = np.clip(0.4 * step / point, 0.8, 9.0)
    return _Style(neurons, synapses, radii)


def _per_point(axes: Axes) -> Points:
    """Data units of one point, in x and in y."""
    limits = np.array([np.diff(axes.get_xlim())[0], np.diff(axes.get_ylim())[0]])
    scale: Points = limits / _size(axes)
    return scale


def _draw_synapses(axes: Axes, drawn: Circuit, style: _Style, layered: bool) -> None:
    lines = require("matplotlib.collections").LineCollection
    rgb = require("matplotlib.colors").to_rgb
    start, end = drawn.positions[drawn.synapses[:, 0]], drawn.positions[drawn.synapses[:, 1]]
    loops = style.radii[drawn.synapses[:, :1]] * [4.2, 3.2] * _per_point(axes)
    paths = curves(start, end, loops) if layered else chords(start, end, loops)
    widths, alphas = _weights(drawn)
    for polarity, sign in _SIGNS.items():
        chosen = drawn.synapses[:, 2] == sign
        collection = lines(
            paths[chosen],
            colors=[(*rgb(style.synapses[polarity]), alpha) for alpha in alphas[chosen]],
            linewidths=widths[chosen],
            linestyles=[_DASHES[polarity]],
            zorder=2,
        )
        collection.set_gid(f"synapses-{polarity}")
        axes.add_collection(collection, autolim=False)


def _weights(drawn: Circuit) -> tuple[Points, Points]:
    """Width and opacity of each synapse: the fewer of its kind, within or between, the bolder."""
    column = np.zeros(len(drawn.types))
    for place in drawn.columns:
        column[list(place.nodes)] = place.x
    within = column[drawn.synapses[:, 0]] == column[drawn.synapses[:, 1]]
    number = np.where(within, within.sum(), (~within).sum()).astype(np.float64)
    return np.clip(3.2 * number**-0.24, 0.3, 1.6), np.clip(12 / np.sqrt(number), 0.15, 0.85)


def _draw_neurons(axes: Axes, drawn: Circuit, style: _Style) -> None:
    types = np.array(drawn.types)
    for kind in dict.fromkeys(drawn.types):
        nodes = types == kind
        x, y = drawn.positions[nodes].T
        points = axes.scatter(
            x,
            y,
            s=np.pi * style.radii[nodes] ** 2,
            color=style.neurons.get(kind, _OTHER_NEURONS),
            edgecolors="white",
            linewidths=np.clip(style.radii[nodes] / 7, 0.3, 1.0),
            zorder=3,
        )
        points.set_gid(f"neurons-{kind}")


def _draw_labels(axes: Axes, drawn: Circuit, style: _Style) -> None:
    for name, (x, y), radius in zip(drawn.names, drawn.positions, style.radii, strict=True):
        axes.text(
            *(x, y, name),
            fontsize=max(radius * (1.05 if len(name) < 3 else 0.8), 3.0),
            ha="center",
            va="center_baseline",
            zorder=4,
        )


def _draw_columns(axes: Axes, drawn: Circuit, style: _Style) -> None:
    """A band behind each column, and its title and size above."""
    top = 0.5 + (_MARGIN + 4) * _per_point(axes)[1]
    for column in drawn.columns:
        nodes = list(column.nodes)
        kinds = Counter(drawn.types[i] for i in nodes)
        color = style.neurons.get(kinds.most_common(1)[0][0], _OTHER_NEURONS)
        y = drawn.positions[nodes, 1]
        axes.plot(
            *([column.x, column.x], [y.min(), y.max() + 1e-9]),
            color=color,
            alpha=0.16,
            linewidth=2 * (style.radii[nodes].max() + 4),
            solid_capstyle="round",
            zorder=1,
        )
        place: dict[str, Any] = {"xy": (column.x, top), "textcoords": "offset points"}
        place |= {"ha": "center", "va": "bottom"}
        axes.annotate(column.title, xytext=(0, 13), fontsize=11, fontweight="bold", **place)
        sizes = " + ".join(map(str, kinds.values()))
        axes.annotate(sizes, xytext=(0, 0), fontsize=9.5, alpha=0.7, **place)


def _handles(drawn: Circuit, neurons: dict[str, str], synapses: dict[str, str]) -> list[Artist]:
    line = require("matplotlib.lines").Line2D
    dots: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 8}
    kinds = dict.fromkeys(drawn.types[i] for column in drawn.columns for i in column.nodes)
    handles = [
        line([], [], **dots, color=neurons.get(kind, _OTHER_NEURONS), label=_label(kind, "neurons"))
        for kind in kinds
    ]
    for polarity, color in synapses.items():
        style: dict[str, Any] = {"linestyle": _DASHES[polarity], "linewidth": 1.6}
        handles.append(line([], [], color=color, label=_label(polarity, "synapses"), **style))
    return handles


def _label(kind: str, things: str) -> str:
    return f"{kind[:1].upper()}{kind[1:]} {things}"

"""Drawings of wirings as files, without pyplot and its global state."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ncps.errors import unknown

from ._drawing import draw
from ._graph import check_built, require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ._wiring import Wiring

_FORMATS = ("pdf", "png", "svg")


def save_drawing(wiring: Wiring, path: str | os.PathLike[str], title: str | None = None) -> Path:
    """Draw a built wiring into a .png, .svg or .pdf file, replaced as a whole or not at all.

    Raises: WiringError when the wiring is not built, UnknownNameError for another kind of file,
    PluginError without matplotlib.
    """
    target = Path(path)
    kind = target.suffix[1:].lower()
    if kind not in _FORMATS:
        raise unknown("drawing format", kind, _FORMATS)
    check_built(wiring)
    figure = _figure(wiring, title)
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=160)
    _write(target, content.getvalue())
    return target


def _figure(wiring: Wiring, title: str | None) -> Figure:
    sizes = [wiring._sensory().shape[0], *map(len, wiring._layers())]
    size = (max(8.2, 2.5 * len(sizes)), min(max(4.4, 0.14 * max(sizes) + 1.6), 16.0))
    figure: Figure = require("matplotlib.figure").Figure(figsize=size, facecolor="white")
    require("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    banner = 0.42 / size[1] if title else 0.0
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98 - banner))
    if title:
        figure.text(0.5, 1 - 0.12 / size[1], title, ha="center", va="top", fontsize=14)
    draw(wiring, "layered", None, None, draw_labels=max(sizes) <= 40, ax=axes)
    return figure


def _write(target: Path, content: bytes) -> None:
    """Write beside the target, then rename: a reader sees the old file or the new one."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)

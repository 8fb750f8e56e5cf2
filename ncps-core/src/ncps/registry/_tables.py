"""Plain-text tables, readable at 80 columns, on a terminal and in a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ncps.registry._explain import Explanation

WIDTH = 80


def table_text(headings: Iterable[str], rows: Iterable[Iterable[str]], width: int = WIDTH) -> str:
    """A table without frame; cells are folded, never cut, so that all of it can be copied."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def explanation_text(explanation: Explanation, width: int = WIDTH) -> str:
    """An explanation as text: the choice, who set it, the candidates, and where they come from."""
    chosen = explanation.chosen
    answer = (
        "nobody can serve it" if chosen is None else f"{chosen.technology} on {chosen.framework}"
    )
    lines = [f"{explanation.layer}: {answer}", f"order: {explanation.order_by}"]
    if explanation.named_by:
        lines.append(f"named by: {explanation.named_by}")
    rows = [
        (r.technology, r.framework, f"{r.priority:g}", f"{r.distribution} {r.version}", str(r))
        for r in explanation.candidates
    ]
    headings = ("technology", "framework", "priority", "distribution", "status")
    lines += ["", table_text(headings, rows, width), ""]
    paths = {f"{r.distribution} {r.version}": r.path for r in explanation.candidates}
    lines += [f"{name}: {path}" for name, path in paths.items()]
    lines += [f"cannot be read: {problem}" for problem in explanation.unread]
    return "\n".join(lines)

"""docs/support.md is what the kit wrote: no failure, and the layers that the technologies offer."""

from __future__ import annotations

from pathlib import Path

import pytest

import ncps
from ncps.registry import TechnologyInfo

PAGE = Path(__file__).parents[2] / "docs" / "support.md"


def table() -> dict[str, dict[str, str]]:
    """The cells by column and layer."""
    text = PAGE.read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    head, _, *rows = lines
    return {name: {row[0]: row[i] for row in rows} for i, name in enumerate(head) if i}


def test_page_shows_no_failure() -> None:
    assert "FAIL" not in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "info", [t for t in ncps.technologies() if t.available and t.distribution.startswith("ncps")]
)
def test_page_has_every_layer_of_the_technologies_here(info: TechnologyInfo) -> None:
    heading = f"{info.name} on {info.framework}"
    columns = [cells for name, cells in table().items() if name.partition(",")[0] == heading]
    assert columns, f"docs/support.md has no column {heading}: run nox -s support"
    for cells in columns:
        assert {layer for layer, cell in cells.items() if cell != "–"} == set(info.layers)

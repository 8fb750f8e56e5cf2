from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import ncps
from ncps import registry
from ncps.errors import SpecError, UnknownNameError

if TYPE_CHECKING:
    Site = Any


@pytest.fixture
def three(site: Site) -> Site:
    site.plugin("first", priority=9000)
    site.plugin("second", priority=8000)
    site.plugin("absent", priority=9500, requires=["absent_module"])
    return site


def test_explanation_has_every_candidate_in_order(three: Site) -> None:
    explanation = ncps.explain("Dense")
    rows = explanation.candidates
    assert [(r.technology, r.status) for r in rows[:3]] == [
        ("absent", "dropped"),
        ("first", "chosen"),
        ("second", "next"),
    ]
    assert (rows[0].filter, rows[0].reason) == ("requires", "absent_module is not installed")
    assert rows[1].path == str(three.path / "first" / "ncps_plugin.toml")
    assert (rows[1].distribution, rows[1].version, rows[1].priority) == ("first", "1.0", 9000)


def test_explanation_reads_at_80_columns(three: Site) -> None:
    with ncps.use(framework="second"):
        text = str(ncps.explain("Dense"))
    table = text.split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 80
    assert text.splitlines()[:3] == [
        "Dense: second on second",
        "order: declared priorities",
        "named by: ncps.use (framework='second')",
    ]
    assert "dropped by choice" in text
    assert f"first 1.0: {three.path / 'first' / 'ncps_plugin.toml'}" in text


def test_explanation_is_json(three: Site) -> None:
    told = json.loads(json.dumps(ncps.explain("Dense", technology="first").to_dict()))
    assert told["layer"] == "Dense"
    assert told["named_by"] == "argument (technology='first')"
    assert told["order_by"] == "declared priorities"
    assert told["candidates"][1]["status"] == "chosen"


def test_explanation_shows_the_number_that_counts_and_its_source(
    three: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NCPS_PRIORITY", "second=9900")
    explanation = ncps.explain("Dense")
    assert explanation.order_by == "NCPS_PRIORITY"
    assert explanation.chosen is not None
    assert (explanation.chosen.technology, explanation.chosen.priority) == ("second", 9900)


def test_explanation_without_anybody_says_so(three: Site) -> None:
    explanation = ncps.explain("Dense", technology="absent")
    assert explanation.chosen is None
    assert str(explanation).startswith("Dense: nobody can serve it")


def test_options_of_our_own_layers_are_checked(three: Site) -> None:
    assert ncps.explain("Dense", units=3).chosen is not None
    with pytest.raises(UnknownNameError, match="Did you mean 'units'"):
        ncps.explain("Dense", unitz=3)
    with pytest.raises(SpecError):
        ncps.explain("Dense", units=0)


def test_overview_reports_a_config_that_cannot_be_followed(three: Site) -> None:
    three.config("prioritty = 1")
    overview = registry.overview()
    assert "Did you mean 'priority'" in str(overview.problems[0])
    assert any(t.name == "first" for t in overview.technologies)
    json.dumps(overview.to_dict())

"""`ncps verify`: the table, JSON, exit codes, and the gaps that a plugin declares."""

from __future__ import annotations

import json

import pytest

from ncps.cli import main
from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import _plugin
from ncps.testing import _check
from ncps.testing._arrays import Arrays, dtype_name
from ncps.testing._numpy_adapter import NumpyArrays
from ncps.testing._variants import broad, known_layers


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("protocol", "values", "state_carry")
    chosen = {name: _check.find_check(name) for name in names}
    monkeypatch.setattr(_check, "_checks", chosen)
    monkeypatch.setattr(_plugin, "CONFORMANCE_GAPS", {})  # of checks that are not chosen


@pytest.mark.usefixtures("few_checks")
def test_table_has_a_row_for_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "numpy", "--layer", "Dense", "--layer", "LSTM"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["check", "Dense", "LSTM"] in lines
    assert ["values", "pass", "pass"] in lines
    assert ["state_carry", "-", "pass"] in lines
    assert lines[-1] == ["5", "pass,", "0", "gap,", "0", "FAIL"]


@pytest.mark.usefixtures("few_checks")
def test_failure_is_named_and_exits_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NumpyArrays, "numpy", lambda self, native: native + 1.0)
    assert main(["verify", "numpy", "--layer", "Dense"]) == 1
    out = capsys.readouterr().out
    assert "FAIL Dense values: y: expected" in out
    assert "1 pass, 0 gap, 1 FAIL" in out


@pytest.mark.usefixtures("few_checks")
def test_gap_of_a_plugin_is_shown_with_its_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = {("LSTM", "values"): "wrong on purpose", ("LSTM", "protocol"): "was wrong"}
    monkeypatch.setattr(_plugin, "CONFORMANCE_GAPS", {"numpy": gaps}, raising=False)
    monkeypatch.setattr(NumpyArrays, "numpy", lambda self, native: native + 1.0)
    assert main(["verify", "numpy", "--layer", "LSTM"]) == 1
    out = capsys.readouterr().out
    assert "gap LSTM values: wrong on purpose" in out
    assert "FAIL LSTM protocol: gap closed" in out


@pytest.mark.usefixtures("few_checks")
def test_json_holds_every_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "numpy", "--framework", "numpy", "--layer", "Dense", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [(r["check"], r["outcome"]) for r in results] == [
        ("protocol", "pass"),
        ("values", "pass"),
    ]
    assert results[0] == {
        "technology": "numpy",
        "framework": "numpy",
        "layer": "Dense",
        "check": "protocol",
        "outcome": "pass",
        "reason": None,
        "left_out": 0,
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nunpy"], "unknown technology 'nunpy'. Did you mean 'numpy'?"),
        (["numpy", "--framework", "nunpy"], "unknown framework 'nunpy'"),
        (["numpy", "--layer", "Dence"], "Did you mean 'Dense'?"),
    ],
)
def test_unknown_name_exits_with_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *words]) == 2
    assert says in capsys.readouterr().err


def test_technology_that_is_not_installed_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NCPS_DISCOVER", "0")
    assert main(["verify", "xlstm"]) == 2
    assert "technology 'xlstm' is known but not installed" in capsys.readouterr().err


def test_cases_meet_every_awkward_size() -> None:
    cases = [case for layer in known_layers() for case in broad(layer)]
    units = {case.options.get("units") for case in cases}
    assert {n for n in units if isinstance(n, int)} >= {1, 31, 32, 33}
    assert {case.options.get("input_size") for case in cases} >= {1, 31, 32, 33}
    assert {case.steps for case in cases} >= {1, 2, 7, 65}
    assert {case.batch for case in cases} >= {None, 1, 3}


def test_wider_dtypes_have_tighter_tolerances() -> None:
    order = ["bfloat16", "float16", "float32", "float64"]
    assert sorted(TOLERANCES) == sorted(order)
    for kind in ("values", "gradients"):
        for bound in ("rtol", "atol"):
            allowed = [getattr(TOLERANCES[dtype], kind)[bound] for dtype in order]
            assert allowed == sorted(allowed, reverse=True)
            assert len(set(allowed)) == len(order)


def test_numpy_adapter_follows_the_protocol() -> None:
    adapter: Arrays = NumpyArrays()
    assert adapter.framework == "numpy"
    assert dtype_name(adapter.asarray([True])) == "bool"
    assert dtype_name(adapter.asarray([1.0], "float64")) == "float64"


def test_wide_tables_are_cut_between_layers() -> None:
    from ncps.cli._verify import _groups

    layers = ["Dense", "GRU", "CTRNNCell", "LSTM", "NCPDense"]
    groups = _groups(layers, room=20)
    assert groups == [["Dense", "GRU"], ["CTRNNCell", "LSTM"], ["NCPDense"]]

"""Broken plugins, all installed at once: none hides another, each is told in one clear line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from broken import CASES, GOOD, PLUGINS, Case

if TYPE_CHECKING:
    Environment = Any

pytestmark = pytest.mark.install

STATIC = [name for name, case in CASES.items() if not case.loaded]
# importing everything would wait 30 s for the slow one
LOAD = (
    "import sys, time; time.sleep = lambda seconds: None\n"
    "from ncps.cli import main; sys.exit(main(['doctor', '--load', *sys.argv[1:]]))"
)


@pytest.fixture(scope="module")
def wreck(make: Any) -> Environment:
    """An environment with all of them, a good one, a slow one and one without a version."""
    made = make(*PLUGINS)
    metadata = made.site / "unversioned-1.0.dist-info" / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: unversioned\n")
    return made


@pytest.fixture(scope="module")
def named(wreck: Environment) -> dict[str, Any]:
    """What became of each when it was named, and of those who name nobody."""
    return wreck.told("named", *(case.word for case in CASES.values()))


@pytest.fixture(scope="module")
def doctor(wreck: Environment) -> list[str]:
    """The lines of `ncps doctor` about problems."""
    return _problems(wreck.run("-m", "ncps", "doctor", code=1).stdout)


@pytest.fixture(scope="module")
def loaded(wreck: Environment) -> list[str]:
    """The lines of `ncps doctor --load` about problems."""
    return _problems(wreck.run("-c", LOAD, code=1).stdout)


def _problems(text: str) -> list[str]:
    return text.partition("\nproblems:\n")[2].splitlines()


def _lines(lines: list[str], case: Case) -> list[str]:
    return [line for line in lines if case.plugins[0].name in line.partition(":")[0]]


@pytest.mark.parametrize("name", STATIC)
def test_doctor_tells_in_one_line_what_can_be_seen_without_import(
    doctor: list[str], name: str
) -> None:
    (line,) = _lines(doctor, CASES[name])
    assert CASES[name].told in line


@pytest.mark.parametrize("name", CASES)
def test_doctor_tells_everything_in_one_line_when_it_may_import(
    loaded: list[str], name: str
) -> None:
    (line,) = _lines(loaded, CASES[name])
    assert CASES[name].told in line
    assert line.startswith(f"  {CASES[name].plugins[0].name} 1.0: ")
    assert "ncps_plugin.toml" in line


def test_doctor_tells_nothing_else(doctor: list[str], loaded: list[str]) -> None:
    (unversioned,) = (line for line in doctor if "unversioned" in line)
    assert "unversioned-1.0.dist-info: expected a Version in its metadata, got none" in unversioned
    assert len(doctor) == len(STATIC) + 1
    assert len(loaded) == len(CASES) + 1


def test_doctor_tells_the_same_as_json(wreck: Environment, loaded: list[str]) -> None:
    report = json.loads(wreck.run("-c", LOAD, "--json", code=1).stdout)
    lines = [
        " ".join("{distribution} {version}: {path}: {text}".format(**problem).split())
        for problem in report["problems"]
    ]
    assert lines == [line.strip().removesuffix(" (passed over)") for line in loaded]
    assert [p["distribution"] for p in report["problems"] if not p["dropped"]] == ["unversioned"]


@pytest.mark.parametrize("name", CASES)
def test_broken_plugin_that_is_named_raises_with_its_cause(named: Any, name: str) -> None:
    case = CASES[name]
    kind, text, cause = named["named"][case.word]
    assert kind == "PluginError"
    assert cause == case.cause
    assert case.plugins[0].name in text
    told = case.error or case.told.rpartition(": ")[2]
    assert told in " ".join(text.split())


def test_broken_plugin_that_is_merely_ranked_warns_once_and_the_next_is_taken(named: Any) -> None:
    assert named["ranked"] == ["acme_good"] * 3
    above = {case.plugins[0].name for case in CASES.values() if case.above}
    assert {text.partition(" on ")[0] for text in named["warned"]} == above
    assert len(named["warned"]) == len(above)


def test_all_other_layers_work(named: Any) -> None:
    numpy = ["CfC", "LTC", "CTRNN", "LSTM", "GRU", "RNN", "Dense"]
    assert named["others"] == {GOOD: "acme_good", "unversioned": "unversioned", "numpy": numpy}


def test_slow_plugin_costs_only_those_who_choose_it(named: Any) -> None:
    before, technology, after = named["slept"]
    assert before == []
    assert technology == "slow"
    assert after == [30]


def test_import_doctor_and_explain_import_no_plugin(wreck: Environment) -> None:
    packages = {plugin.package for plugin in PLUGINS}
    code = (
        "import contextlib, io, sys, ncps\n"
        "from ncps.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    codes = [main(w.split()) for w in ('doctor', 'explain Dense', 'technologies')]\n"
        f"print(codes, sorted({packages!r} & set(sys.modules)))\n"
    )
    assert wreck.run("-c", code).stdout == "[1, 0, 0] []\n"


def test_explain_lists_what_cannot_be_read(wreck: Environment) -> None:
    done = wreck.run("-m", "ncps", "explain", "Dense")
    told = [line for line in done.stdout.splitlines() if line.startswith("cannot be read: ")]
    unread = ["bad-toml", "future-api", "no-manifest", "text-priority", "wrong-schema"]
    assert [line.split()[3] for line in told] == unread
    table = done.stdout.split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 80

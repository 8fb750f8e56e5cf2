"""A well-behaved plugin, installed by pip, is chosen when someone says so, and not otherwise."""

from __future__ import annotations

import itertools
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from wheelwright import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterator

    Environment = Any

pytestmark = pytest.mark.install

SOURCES = [
    "argument",
    "use",
    "set_default",
    "NCPS_TECHNOLOGY",
    "NCPS_PRIORITY",
    "project [layers]",
    "project priority",
    "user [layers]",
    "user priority",
]
PAIRS = [" > ".join(pair) for pair in itertools.combinations(SOURCES, 2)]


@pytest.fixture(scope="module")
def three(make: Any) -> Environment:
    """Three plugins; `acme-high` declares the highest priority."""
    plugins = {"acme-high": 6000, "acme-low": 5000, "acme-other": 4000}
    return make(*(Plugin(name, priority) for name, priority in plugins.items()))


@pytest.fixture(scope="module")
def overrides(three: Environment) -> dict[str, str]:
    """What the script found, in one process."""
    return three.told("overrides")


@pytest.fixture
def project(three: Environment) -> Iterator[Environment]:
    """The environment with an empty home and project."""
    home = three.project.parent
    shutil.rmtree(home)
    (three.project / ".git").mkdir(parents=True)
    yield three
    shutil.rmtree(home)
    (three.project / ".git").mkdir(parents=True)


def explained(environment: Environment, *words: str, **options: Any) -> dict[str, Any]:
    """`ncps explain Dense --json` in a process of its own."""
    done = environment.run("-m", "ncps", "explain", "Dense", "--json", *words, **options)
    return json.loads(done.stdout)


def chosen(environment: Environment, *words: str, **options: Any) -> str:
    """The technology that would be taken."""
    rows = explained(environment, *words, **options)["candidates"]
    return next(row["technology"] for row in rows if row["status"] == "chosen")


def test_highest_declared_priority_is_chosen_while_nobody_speaks(overrides: Any) -> None:
    assert overrides["declared"] == "acme_high"


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_alone_is_followed(overrides: Any, source: str) -> None:
    assert overrides[source] == "acme_low"


@pytest.mark.parametrize("pair", PAIRS)
def test_of_two_sources_the_earlier_is_followed(overrides: Any, pair: str) -> None:
    assert overrides[pair] == "acme_low"


def test_environment_of_a_process_is_followed(project: Environment) -> None:
    assert chosen(project) == "acme-high"
    assert chosen(project, NCPS_TECHNOLOGY="acme-low") == "acme-low"
    assert chosen(project, NCPS_PRIORITY="acme-other=7000") == "acme-other"
    assert chosen(project, "--technology", "acme-other", NCPS_TECHNOLOGY="acme-low") == "acme-other"


@pytest.mark.parametrize(
    ("file", "text"),
    [("ncps.toml", ""), ("pyproject.toml", "[tool.ncps]\n")],
    ids=["ncps.toml", "pyproject.toml"],
)
def test_project_file_is_found_upward(project: Environment, file: str, text: str) -> None:
    (project.project / file).write_text(f'{text}priority = ["acme-low"]\n')
    deep = project.project / "a" / "b"
    deep.mkdir(parents=True)
    assert chosen(project, cwd=deep) == "acme-low"
    assert explained(project, cwd=deep)["order_by"].startswith(str(project.project / file))
    outside = project.project.parent / "elsewhere"
    outside.mkdir()
    assert chosen(project, cwd=outside) == "acme-high"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('deny = ["acme-high"]', "acme-low"),
        ('deny = ["Acme_High", "acme.low"]', "acme-other"),
        ('allow = ["acme-other"]', "acme-other"),
        ('allow = ["acme-high", "acme-low"]\ndeny = ["acme-high"]', "acme-low"),
        ('priority = ["acme-other:acme-other"]', "acme-other"),
        ('priority = ["acme-other"]\n[layers]\nDense = ["acme-low:acme-low"]', "acme-low"),
        ('priority = ["acme-other"]\n[layers]\nLSTM = ["acme-low"]', "acme-other"),
    ],
)
def test_config_file_bars_and_orders(project: Environment, text: str, expected: str) -> None:
    (project.project / "ncps.toml").write_text(text)
    assert chosen(project) == expected


def test_distribution_and_technology_may_be_named_together(project: Environment) -> None:
    assert chosen(project, "--technology", "acme-low:acme-low") == "acme-low"
    assert chosen(project, NCPS_TECHNOLOGY="acme-low:acme-low") == "acme-low"


@pytest.mark.parametrize(
    ("text", "env", "told"),
    [
        ("", {"NCPS_TECHNOLOGY": "acme-lwo"}, "NCPS_TECHNOLOGY: unknown technology 'acme-lwo'"),
        ("", {"NCPS_PRIORITY": "acme-lwo=1"}, "NCPS_PRIORITY: unknown technology 'acme-lwo'"),
        ("", {"NCPS_DISCOVER": "2"}, "unknown value of NCPS_DISCOVER '2'"),
        ("priorty = []", {}, "unknown key 'priorty'. Did you mean 'priority'?"),
        ('deny = ["acme-lwo"]', {}, "deny: unknown distribution 'acme-lwo'. Did you mean 'acme-"),
        ('allow = ["acme-hihg"]', {}, "allow: unknown distribution 'acme-hihg'. Did you mean 'a"),
        ('priority = ["acme-lwo:x"]', {}, "priority: unknown distribution 'acme-lwo'"),
        ('priority = ["acme-low:x"]', {}, "priority: unknown technology of acme-low 'x'"),
        ("[layers]\nDesne = []", {}, "[layers]: unknown layer 'Desne'. Did you mean 'Dense'?"),
    ],
)
def test_misspelled_setting_is_an_error_with_the_nearest_match(
    project: Environment, text: str, env: dict[str, str], told: str
) -> None:
    (project.project / "ncps.toml").write_text(text)
    error = project.run("-m", "ncps", "explain", "Dense", code=2, **env).stderr
    assert told in error
    assert "Did you mean" in error or "Known: " in error
    assert error.count("\n") == 1
    report = project.run("-m", "ncps", "doctor", code=1, **env).stdout
    assert told in report


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Desne"], "unknown layer 'Desne'. Did you mean 'Dense'?"),
        (["Dense", "--technology", "acme-lwo"], "technology 'acme-lwo'. Did you mean 'acme-"),
        (["Dense", "--framework", "acme-lwo"], "framework 'acme-lwo'. Did you mean 'acme-"),
        (["Dense", "--device", "cdua"], "unknown device 'cdua'. Did you mean 'cuda'?"),
        (["Dense", "--set", "unitz=3"], "'unitz'. Did you mean 'units'?"),
    ],
)
def test_misspelled_word_of_a_call_is_an_error_with_the_nearest_match(
    project: Environment, words: list[str], told: str
) -> None:
    assert told in project.run("-m", "ncps", "explain", *words, code=2).stderr

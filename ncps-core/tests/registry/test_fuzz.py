"""Whatever a manifest, a config file or a variable says: it is followed, or an NcpsError."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ncps import config, registry
from ncps.errors import NcpsError
from ncps.registry._manifest import names_in, read_manifest
from ncps.registry._records import Origin

if TYPE_CHECKING:
    Site = Any

ORIGIN = Origin("acme", "1.0", Path("/x/ncps_plugin.toml"))
HEAD = "schema = 1\napi = 1\n"
DEEP = "[" * 2000
PLAIN = "acme torch numpy torch.nn acme:acme acme.layers:Fake Dense json>=1 ncps os_name é .."
ODD = ["", "\0", "sys_platform == 'linux'", "(" * 3000, "x; " + "(" * 3000]
WORDS = st.sampled_from([*PLAIN.split(), *ODD])
SCALARS = (
    WORDS
    | st.text(max_size=8)
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.booleans()
    | st.dates()
)
KNOWN = """schema api plugin technology specs references cases checkpoints name framework
    priority requires devices aliases layers marker value allow deny"""
KEYS = st.sampled_from(KNOWN.split()) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | WORDS, inner, max_size=4),
    max_leaves=12,
)
TECHNOLOGY = st.fixed_dictionaries(
    {"name": WORDS, "framework": WORDS, "priority": VALUES, "layers": VALUES},
    optional={"requires": VALUES, "devices": VALUES, "aliases": VALUES, "other": VALUES},
)
MANIFEST = st.fixed_dictionaries(
    {"schema": st.just(1) | SCALARS, "api": st.just(1) | SCALARS},
    optional={
        "plugin": VALUES,
        "technology": st.lists(TECHNOLOGY | VALUES, max_size=3) | VALUES,
        "specs": VALUES,
        "references": VALUES,
        "cases": VALUES,
        "checkpoints": VALUES,
    },
)
CONFIG = st.fixed_dictionaries(
    {}, optional=dict.fromkeys((*config.KEYS, "other"), VALUES | st.lists(WORDS, max_size=3))
)
FAST = settings(max_examples=150, deadline=None)
IN_SITE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def toml(value: object) -> str:
    """A value as TOML, whatever it is."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value)
    return str(value)


def document(table: dict[str, Any]) -> str:
    """A TOML document with this table."""
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in table.items())


def ask() -> None:
    """Everything that depends on manifests and config; only an NcpsError may come out."""
    registry.reload()
    overview = registry.overview()
    json.dumps(overview.to_dict())
    for problem in overview.problems:
        assert "\n" not in str(problem)
    for call in (
        registry.technologies,
        lambda: json.dumps(registry.explain("Dense").to_dict()),
        lambda: registry.explain("Dense").text(80),
        lambda: registry.select("Dense"),
        lambda: registry.explain("Dense", technology="acme"),
    ):
        with contextlib.suppress(NcpsError):
            call()


@FAST
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b"\xff\xfe")
@example(f"a = {DEEP}".encode())
def test_bytes_as_a_manifest_give_an_error_of_ours(data: bytes) -> None:
    names_in(data)
    with pytest.raises(NcpsError):
        read_manifest(data, ORIGIN)


def minimal(**technology: Any) -> dict[str, Any]:
    """A manifest with one technology that is in order but for this."""
    table = {"name": "a", "framework": "f", "priority": 1, "layers": {"Dense": "a:B"}}
    return {"schema": 1, "api": 1, "technology": [table | technology]}


@FAST
@given(MANIFEST)
@example(minimal(priority=10**400))
@example(minimal(priority=[{"marker": "(" * 3000, "value": 1}]))
@example(minimal(requires=["x; " + "(" * 3000]))
def test_any_table_as_a_manifest_is_read_or_gives_an_error_of_ours(table: dict[str, Any]) -> None:
    data = document(table).encode(errors="replace")
    names_in(data)
    with contextlib.suppress(NcpsError):
        read_manifest(data, ORIGIN)


@FAST
@given(CONFIG | VALUES)
def test_any_table_as_a_config_is_read_or_gives_an_error_of_ours(table: Any) -> None:
    with contextlib.suppress(NcpsError):
        config.parse(table, "ncps.toml")


@FAST
@given(st.text(max_size=40) | st.lists(WORDS, max_size=3).map("=1,".join))
@example("a=1e999")
@example("a=1_0")
def test_any_text_as_a_priority_variable_is_read_or_gives_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(NcpsError):
        config.environment_order(text)


@IN_SITE
@given(MANIFEST | st.binary(max_size=40))
def test_any_manifest_leaves_discovery_and_the_others_working(site: Site, content: Any) -> None:
    if not (site.path / "acme").exists():
        site.plugin("acme")
        site.plugin("good", priority=9e9)
    data = content if isinstance(content, bytes) else document(content).encode(errors="replace")
    (site.path / "acme" / "ncps_plugin.toml").write_bytes(data)
    ask()
    assert registry.create("Dense", technology="good", units=1).home == "good.layers"


@IN_SITE
@given(CONFIG | st.binary(max_size=40), st.sampled_from(["ncps.toml", "pyproject.toml"]))
@example(f"priority = {DEEP}".encode(), "ncps.toml")
@example(f"[tool.ncps]\npriority = {DEEP}".encode(), "pyproject.toml")
def test_any_config_file_is_followed_or_gives_an_error_of_ours(
    site: Site, content: Any, name: str
) -> None:
    if not (site.path / "acme").exists():
        site.plugin("acme")
    if not isinstance(content, bytes):
        table = content if name == "ncps.toml" else {"tool": {"ncps": content}}
        content = document(table).encode(errors="replace")
    (site.project / name).write_bytes(content)
    try:
        ask()
    finally:
        (site.project / name).unlink()


ENVIRONMENT = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12
)


@IN_SITE
@given(
    st.dictionaries(
        st.sampled_from(["NCPS_TECHNOLOGY", "NCPS_PRIORITY", "NCPS_DISCOVER"]),
        ENVIRONMENT | WORDS.filter(lambda word: "\0" not in word),
    )
)
def test_any_environment_is_followed_or_gives_an_error_of_ours(
    site: Site, variables: dict[str, str]
) -> None:
    if not (site.path / "acme").exists():
        site.plugin("acme")
    with mock.patch.dict(os.environ, variables):
        ask()

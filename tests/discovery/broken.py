"""Every way in which a third party's plugin was seen, or may be expected, to be broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wheelwright import LAYERS, Plugin

GOOD = "acme-good"
ABOVE = 9000  # ranks before the good one, so that whoever names nobody meets it
HEAD = "schema = {schema}\napi = {api}\n[[technology]]\n"
TABLE = 'name = "{0}"\nframework = "{0}"\npriority = 1\nlayers = {{ Dense = "{0}:Layer" }}\n'


def _headed(name: str, schema: object = 1, api: object = 1) -> str:
    return HEAD.format(schema=schema, api=api) + TABLE.format(name)


@dataclass(frozen=True)
class Case:
    """A broken plugin: the name a user would write, and what doctor and the error say.

    `loaded` says that only importing the plugin shows what is wrong; `cause` is what was raised;
    `error` is what the error says where it is not the end of doctor's line.
    """

    plugins: tuple[Plugin, ...]
    told: str
    word: str
    loaded: bool = False
    cause: str | None = None
    above: bool = False
    error: str = ""


def _case(plugin: Plugin, told: str, **options: Any) -> Case:
    return Case((plugin,), told, options.pop("word", plugin.name), **options)


def _imported(name: str, hooks: str, told: str, cause: str) -> Case:
    plugin = Plugin(name, ABOVE, hooks=hooks)
    return _case(plugin, told, loaded=True, cause=cause, above=True)


CASES = {
    "import error": _imported(
        "import-error",
        "import absent_module",
        "importing 'import_error._plugin' failed: ModuleNotFoundError: No module named 'absent_m",
        "ModuleNotFoundError",
    ),
    "exit at import": _imported(
        "exits",
        "raise SystemExit('bye\\nbye')",
        "importing 'exits._plugin' failed: SystemExit: bye bye",
        "SystemExit",
    ),
    "missing framework": _case(
        Plugin("frameless", ABOVE, {"requires": ["absent_framework"]}),
        "'frameless' on 'frameless': absent_framework is not installed",
    ),
    "bad TOML": _case(
        Plugin("bad-toml", manifest="schema = = 1"),
        "ncps_plugin.toml: expected valid TOML, got: Invalid value",
        cause="PluginError",
    ),
    "missing manifest": _case(
        Plugin("no-manifest", manifest=""),
        "expected the manifest of 'no_manifest:ncps_plugin.toml' at ",
        cause="PluginError",
    ),
    "wrong schema": _case(
        Plugin("wrong-schema", manifest=_headed("schemer", schema='"one"')),
        "ncps_plugin.toml: schema: expected 1, got 'one'.",
        word="schemer",
        cause="PluginError",
    ),
    "future API": _case(
        Plugin("future-api", manifest=_headed("future", api=9)),
        "ncps_plugin.toml: api: expected 1, got 9. It needs a newer ncps that reads api 9.",
        word="future",
        cause="PluginError",
    ),
    "priority that is text": _case(
        Plugin("text-priority", "high"),
        "technology[0].priority: expected a number or a list of {marker, value} tables, got 'high'",
        cause="PluginError",
    ),
    "layer path that does not exist": _case(
        Plugin("pathless", ABOVE, {"layers": {"Dense": "pathless.absent:Layer"}}),
        "'pathless' on 'pathless': expected a module 'pathless.absent', found none",
        cause="ModuleNotFoundError",
        above=True,
        error="loading 'pathless.absent:Layer' failed: ModuleNotFoundError: No module named",
    ),
    "layer name that does not exist": _case(
        Plugin("nameless", ABOVE, {"layers": {"Dense": "nameless.layers:Absent"}}),
        "'nameless' on 'nameless': load: loading 'nameless.layers:Absent' failed: AttributeError",
        loaded=True,
        cause="AttributeError",
        above=True,
    ),
    "factory that returns the wrong type": _case(
        Plugin("mistyped", ABOVE, layers="def Layer(spec, **options): return 3"),
        "create: expected its factory to return a layer, which can be called and has a spec, got",
        loaded=True,
        above=True,
    ),
    "two wheels that claim one provider": Case(
        tuple(Plugin(f"twin-{x}", ABOVE, {"name": "twin", "framework": "twin"}) for x in "ab"),
        "twin-b claims 'twin' on 'twin' too; say which in ncps.toml",
        "twin",
    ),
    "one of our names": _case(
        Plugin("usurper", ABOVE, {"name": "torch", "framework": "torch"}),
        "the name 'torch' is reserved to ncps and its own plugins; usurper must choose another",
        word="torch",
    ),
}

SLOW = Plugin("slow", 10, hooks="import time\ntime.sleep(30)\n")
UNVERSIONED = Plugin("unversioned", 20)
WHOLE = [Plugin(GOOD, 8000), SLOW, UNVERSIONED]
PLUGINS = [*WHOLE, *(plugin for case in CASES.values() for plugin in case.plugins)]
__all__ = ["ABOVE", "CASES", "GOOD", "LAYERS", "PLUGINS", "SLOW", "UNVERSIONED", "Case"]

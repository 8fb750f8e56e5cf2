"""What the user's files and environment say about the choice of technology.

A project file is `ncps.toml`, or `[tool.ncps]` in `pyproject.toml`; the nearest one counts,
searched from the current directory upward to the repository's root (`.git`), the home directory or
the file system's root. The user's file is `ncps/ncps.toml` in `$XDG_CONFIG_HOME`, or else in
`~/.config`, on every platform. Keys:

    priority = { torch = 2000, mlx = 10 }       # numbers, or a list: the whole order
    allow = ["ncps-torch"]                      # use only these distributions
    deny = ["acme-ncps"]                        # never use these
    [layers]
    CfC = ["mlx", "acme-ncps:acme"]             # the order for one layer
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from ncps.errors import ConfigError, UnknownNameError, unknown

KEYS = ("priority", "layers", "allow", "deny")

Order = Mapping[str, float] | tuple[str, ...]


class UnknownSettingError(ConfigError, UnknownNameError):
    """A config file or environment variable names something that is not known."""


@dataclass(frozen=True)
class ConfigFile:
    """One config file: where it is, and what it says. None means that it is silent."""

    path: str
    priority: Order | None
    layers: Mapping[str, tuple[str, ...]]
    allow: frozenset[str] | None
    deny: frozenset[str] | None


@dataclass(frozen=True)
class Settings:
    """The config files in force, the one that speaks first in front."""

    files: tuple[ConfigFile, ...]

    def allow(self) -> tuple[frozenset[str], str] | None:
        """The allowed distributions and the file that says so."""
        return next(((f.allow, f.path) for f in self.files if f.allow is not None), None)

    def deny(self) -> tuple[frozenset[str], str] | None:
        """The denied distributions and the file that says so."""
        return next(((f.deny, f.path) for f in self.files if f.deny is not None), None)

    def orders(self, layer: str) -> Iterator[tuple[str, Order]]:
        """Every order that the files give for `layer`, with its source; the first one counts."""
        for file in self.files:
            if layer in file.layers:
                yield f"{file.path} [layers]", file.layers[layer]
            if file.priority is not None:
                yield f"{file.path} priority", file.priority


def load_settings() -> Settings:
    """Read the project's and the user's config.

    Raises: ConfigError for a file that cannot be read or followed.
    """
    return Settings(tuple(f for f in (project_config(), user_config()) if f is not None))


def project_config(start: Path | None = None) -> ConfigFile | None:
    """The nearest project config at or above `start` (the current directory), or None."""
    for folder in _folders(start):
        path = folder / "ncps.toml"
        if _is_file(path):
            return parse(_read(path), str(path))
        table = _pyproject(folder / "pyproject.toml")
        if table is not None:
            return parse(table, f"{folder / 'pyproject.toml'} [tool.ncps]")
    return None


def user_config() -> ConfigFile | None:
    """The user's config, or None."""
    home, xdg = _home(), os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(xdg):
        path = Path(xdg, "ncps", "ncps.toml")
    elif home is not None:
        path = home / ".config" / "ncps" / "ncps.toml"
    else:
        return None
    return parse(_read(path), str(path)) if _is_file(path) else None


def canonical_distribution(name: str) -> str:
    """A distribution's name as package indexes compare it: ``Ncps_Torch`` is ``ncps-torch``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_number(value: object) -> TypeGuard[int | float]:
    """Is it a number that a priority can be: finite, within a float's range, no boolean?"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def parse(table: Any, source: str) -> ConfigFile:
    """Check a config table; `source` names it in errors."""
    if not isinstance(table, dict):
        raise _expected(source, "ncps", "a table", table)
    for key in table:
        if key not in KEYS:
            raise UnknownSettingError(f"{source}: {unknown('key', key, KEYS)}")
    layers = table.get("layers", {})
    if not isinstance(layers, dict):
        raise _expected(source, "layers", "a table of lists", layers)
    return ConfigFile(
        path=source,
        priority=_order(table["priority"], source) if "priority" in table else None,
        layers={name: _names(order, f"layers.{name}", source) for name, order in layers.items()},
        allow=_distributions(table, "allow", source),
        deny=_distributions(table, "deny", source),
    )


def environment_order(text: str) -> Mapping[str, float]:
    """The table that ``NCPS_PRIORITY="torch=2000,mlx=10"`` says."""
    table: dict[str, float] = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, equals, number = map(str.strip, item.partition("="))
        if name in table:
            raise ConfigError(f"NCPS_PRIORITY names {name!r} twice. Keep one.")
        try:
            table[name] = _number(float(number))
        except ValueError:
            equals = ""
        if not (equals and name):
            raise ConfigError(
                f"NCPS_PRIORITY expected name=number pairs as in 'torch=2000,mlx=10', got {item!r}."
            )
    return table


def _folders(start: Path | None) -> Iterator[Path]:
    try:
        here = (start or Path.cwd()).resolve()
    except OSError:  # the current directory was deleted
        return
    home = _home()
    for folder in (here, *here.parents):
        yield folder
        if folder == home or os.path.exists(folder / ".git"):
            return


def _is_file(path: Path) -> bool:
    """Path.is_file, which raises where a folder may not be entered: another user's home, say."""
    return os.path.isfile(path)


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


def _pyproject(path: Path) -> object | None:
    """`[tool.ncps]`, or None; the rest of the file is not ours to judge."""
    try:
        text = path.read_text(encoding="utf-8") if _is_file(path) else ""
    except (OSError, UnicodeDecodeError):
        return None
    if "ncps" not in text:
        return None
    try:
        tool = tomllib.loads(text).get("tool", {})
    except (ValueError, RecursionError) as error:
        if re.search(r"^\s*\[tool\.ncps\b", text, re.MULTILINE):
            raise ConfigError(f"{path} is not valid TOML: {error}.") from error
        return None
    return tool.get("ncps") if isinstance(tool, dict) else None


def _order(value: object, source: str) -> Order:
    if isinstance(value, list):
        return _names(value, "priority", source)
    if not isinstance(value, dict):
        raise _expected(source, "priority", "a table of numbers or a list of names", value)
    try:
        return {name: _number(number) for name, number in value.items()}
    except ValueError:
        raise _expected(source, "priority", "a number for each name", value) from None


def _number(value: object) -> float:
    if not is_number(value):
        raise ValueError(value)
    return value


def _names(value: object, key: str, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _expected(source, key, "a list of names", value)
    twice = next((item for item in value if value.count(item) > 1), None)
    if twice is not None:
        raise ConfigError(f"{source}: {key} names {twice!r} twice. Keep one.")
    return tuple(value)


def _distributions(table: dict[str, Any], key: str, source: str) -> frozenset[str] | None:
    if key not in table:
        return None
    return frozenset(map(canonical_distribution, _names(table[key], key, source)))


def _expected(source: str, key: str, what: str, value: object) -> ConfigError:
    return ConfigError(f"{source}: {key} expected {what}, got {value!r} ({type(value).__name__}).")

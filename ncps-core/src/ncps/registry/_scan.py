"""Find the manifests of all installed plugins. Nothing of a plugin is imported.

A distribution declares one in the entry point group `ncps.plugins`; the value names a file inside
its package, ``ncps_torch:ncps_plugin.toml``. The standard library's importlib.metadata serves on
every Python: it keeps the budget on 3.11 too, and its backport would remove a method from the
interpreter's own path finder.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import ncps
from ncps.config import canonical_distribution
from ncps.errors import PluginError
from ncps.registry._catalogue import Catalogue
from ncps.registry._manifest import Manifest, problem, read_manifest
from ncps.registry._records import Origin, Problem
from ncps.registry._requires import top_level

GROUP = "ncps.plugins"
_HEADING = re.compile(rf"^\s*\[\s*{re.escape(GROUP)}\s*\]", re.MULTILINE)
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_BUILT_IN = Path(ncps.__file__).parent / "reference" / "ncps_plugin.toml"


def scan(*, discover: bool) -> Catalogue:
    """Read the built-in manifest and, with `discover`, those of all installed distributions."""
    built_in = Origin("ncps", ncps.__version__, _BUILT_IN)
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    _read(built_in, manifests, problems)
    if discover:
        for origin in _declared(problems):
            if all(m.origin.manifest != origin.manifest for m in manifests):
                _read(origin, manifests, problems)
    return Catalogue(tuple(manifests), tuple(problems), complete=discover)


def _read(origin: Origin, manifests: list[Manifest], problems: list[Problem]) -> None:
    try:
        manifest = read_manifest(_contents(origin), origin)
    except PluginError as error:
        problems.append(problem(origin, str(error)))
    else:
        manifests.append(manifest)
        problems.extend(manifest.problems)


def _contents(origin: Origin) -> bytes:
    try:
        return origin.manifest.read_bytes()
    except OSError as error:
        raise PluginError(f"expected a readable manifest, got: {error.strerror}") from error


def _declared(problems: list[Problem]) -> list[Origin]:
    """Each manifest that an installed distribution declares, ordered by distribution."""
    origins: list[Origin] = []
    for name in sorted(_distributions(problems)):
        with _recorded(problems, name):
            # the first on the path, as for imports: it shadows other installations of the name
            installed = importlib.metadata.distribution(name)
            version = installed.version or "unknown"
            for entry in installed.entry_points:
                if entry.group == GROUP:
                    with _recorded(problems, name, version):
                        origins.append(Origin(name, version, _locate(entry.value)))
    return origins


def _distributions(problems: list[Problem]) -> set[str]:
    """The distributions whose entry points have our group; only their metadata is parsed."""
    names: set[str] = set()
    for found in importlib.metadata.distributions():
        with _recorded(problems, str(getattr(found, "_path", "a distribution"))):
            text = found.read_text("entry_points.txt")
            if text and _HEADING.search(text):
                names.add(canonical_distribution(found.metadata["Name"]))
    return names


@contextmanager
def _recorded(problems: list[Problem], name: str, version: str = "unknown") -> Iterator[None]:
    """One broken distribution must not hide the others: whatever it raises becomes a problem."""
    try:
        yield
    except Exception as error:
        text = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        problems.append(Problem(name, version, f"entry point group {GROUP}", text))


def _locate(value: str) -> Path:
    """The file that an entry point's value names, ``package:folder/file.toml``.

    Only the top-level name is looked up: looking up a dotted one would import its parent.
    """
    module, _, file = (part.strip() for part in value.partition(":"))
    inside = PurePosixPath(file)
    if not _MODULE.fullmatch(module) or not file or inside.is_absolute() or ".." in inside.parts:
        raise PluginError(f"expected 'package:file.toml', got {value!r}")
    first, *rest = module.split(".")
    spec = top_level(first)
    if spec is None:
        raise PluginError(f"{value!r} names the package {first!r}, which is not installed")
    folders = spec.submodule_search_locations
    if folders is None:
        folders = [os.path.dirname(spec.origin or "")]
    paths = [Path(folder, *rest, *inside.parts) for folder in folders]
    for path in paths:
        if path.is_file():
            return path
    places = " or ".join(map(str, paths)) or "nowhere"
    raise PluginError(f"expected the manifest of {value!r} at {places}, found no file there")

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
from ncps.registry._manifest import Manifest, names_in, problem, read_manifest
from ncps.registry._outcome import described
from ncps.registry._records import Origin, Problem
from ncps.registry._requires import top_level

GROUP = "ncps.plugins"
_HEADING = re.compile(rf"^\s*\[\s*{re.escape(GROUP)}\s*\]", re.MULTILINE)
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_BUILT_IN = Path(ncps.__file__).parent / "reference" / "ncps_plugin.toml"


def scan(*, discover: bool) -> Catalogue:
    """Read the built-in manifest and, with `discover`, those of all installed distributions."""
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    with _recorded(problems, "ncps", ncps.__version__):
        # the core too may lie in a zip archive, where only its loader can read it
        data = _contents(_BUILT_IN, ncps.__spec__.loader)
        _read(Origin("ncps", ncps.__version__, _BUILT_IN), data, manifests, problems)
    if discover:
        for origin, data in _declared(problems):
            if all(m.origin.manifest != origin.manifest for m in manifests):
                _read(origin, data, manifests, problems)
    return Catalogue(tuple(manifests), tuple(problems), complete=discover)


def _read(
    origin: Origin, data: bytes | None, manifests: list[Manifest], problems: list[Problem]
) -> None:
    try:
        if data is None:
            raise PluginError("expected a manifest, found no file there")
        manifest = read_manifest(data, origin)
    except PluginError as error:
        names = names_in(data or b"") | {origin.entry}
        problems.append(problem(origin, str(error), names=names, error=error.with_traceback(None)))
    else:
        manifests.append(manifest)
        problems.extend(manifest.problems)


def _contents(path: Path, loader: object) -> bytes | None:
    """The bytes of a file beside a package, or None; a loader reads what lies in a zip archive."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        get_data = getattr(loader, "get_data", None)
    except OSError as error:
        raise PluginError(f"expected a readable manifest at {path}: {error.strerror}") from error
    try:
        return bytes(get_data(str(path))) if get_data else None
    except OSError:
        return None


def _declared(problems: list[Problem]) -> Iterator[tuple[Origin, bytes]]:
    """Each manifest that an installed distribution declares, ordered by distribution."""
    for name in sorted(_distributions(problems)):
        with _recorded(problems, name):
            # the first on the path, as for imports: it shadows other installations of the name
            installed = importlib.metadata.distribution(name)
            version = _said(installed, "Version") or "unknown"
            if version == "unknown":
                text = "expected a Version in its metadata, got none; it is used all the same"
                problems.append(Problem(name, version, _place(installed), text, dropped=False))
            for entry in installed.entry_points:
                if entry.group == GROUP:
                    with _recorded(problems, name, version, entry.name):
                        path, data = _locate(entry.value)
                        yield Origin(name, version, path, entry.name), data


def _distributions(problems: list[Problem]) -> set[str]:
    """The distributions whose entry points have our group; only their metadata is parsed."""
    names: set[str] = set()
    for found in importlib.metadata.distributions():
        with _recorded(problems, _place(found)):
            text = found.read_text("entry_points.txt")
            if text and _HEADING.search(text):
                names.add(canonical_distribution(_name(found)))
    return names


def _name(found: importlib.metadata.Distribution) -> str:
    name = _said(found, "Name")
    if not name:
        raise PluginError("expected a Name in its metadata, got none; install it again")
    return name


def _said(found: importlib.metadata.Distribution, key: str) -> str | None:
    try:
        return next(iter(found.metadata.get_all(key) or ()), None)
    except (AttributeError, TypeError):  # there is no metadata file at all
        return None


def _place(found: importlib.metadata.Distribution) -> str:
    return str(getattr(found, "_path", "a distribution"))


@contextmanager
def _recorded(
    problems: list[Problem], name: str, version: str = "unknown", entry: str = ""
) -> Iterator[None]:
    """One broken distribution must not hide the others: whatever it raises becomes a problem."""
    try:
        yield
    except Exception as error:
        text = str(error) if isinstance(error, PluginError) else described(error)
        where = f"entry point group {GROUP}"
        names = frozenset({entry} - {""})
        problems.append(
            Problem(name, version, where, text, names=names, error=error.with_traceback(None))
        )


def _locate(value: str) -> tuple[Path, bytes]:
    """The file that an entry point's value names, ``package:folder/file.toml``, and its bytes.

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
        data = _contents(path, spec.loader)
        if data is not None:
            return path, data
    places = " or ".join(map(str, paths)) or "nowhere"
    raise PluginError(f"expected the manifest of {value!r} at {places}, found no file there")

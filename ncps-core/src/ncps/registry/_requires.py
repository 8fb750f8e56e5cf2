"""Is what a technology requires installed? Answered without importing any of it."""

from __future__ import annotations

import re
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from os.path import isdir
from typing import TYPE_CHECKING

from ncps.errors import PluginError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

NOT_INSTALLED = "is not installed"
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def check_requirement(text: str, where: str) -> None:
    """PluginError unless `text` is an import name or a PEP 508 requirement."""
    if _MODULE.fullmatch(text):
        return
    from packaging.requirements import InvalidRequirement

    try:
        _parse(text)
    except (InvalidRequirement, RecursionError) as error:
        raise PluginError(
            f"{where}: expected an import name such as 'torch' or a requirement such as "
            f"'torch>=2.4', got {text!r} ({str(error).splitlines()[0]})"
        ) from error


def missing(text: str) -> str | None:
    """Why the requirement is not met, or None when it is."""
    if _MODULE.fullmatch(text):
        return None if locate(text) else f"{text} {NOT_INSTALLED}"
    requirement = _parse(text)
    try:
        return _unmet(requirement)
    except (TypeError, ValueError, RecursionError) as error:
        # broken metadata, or a marker that cannot be compared
        return f"cannot check {text!r}: {error}"


def _unmet(requirement: Requirement) -> str | None:
    import importlib.metadata

    if requirement.marker is not None and not requirement.marker.evaluate():
        return None
    try:
        installed = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} {NOT_INSTALLED}"
    if not requirement.specifier.contains(installed, prereleases=True):
        return f"expected {requirement.name}{requirement.specifier}, got {installed}"
    return None


def top_level(name: str) -> ModuleSpec | None:
    """The spec of a top-level module, found without importing anything.

    Path hooks and finders of editable installs are foreign code: what they raise means "not found".
    """
    try:
        return find_spec(name)
    except Exception:
        return None


def locate(module: str) -> ModuleSpec | None:
    """The spec of a module; parents are searched on disk, where find_spec would import them."""
    first, *rest = module.split(".")
    spec = top_level(first)
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = _inside(spec, part)
    return spec


def _inside(parent: ModuleSpec, part: str) -> ModuleSpec | None:
    name, folders = f"{parent.name}.{part}", list(parent.submodule_search_locations or ())
    try:
        return PathFinder.find_spec(name, folders)
    except KeyError:
        # a folder without __init__.py: Python's own answer asks for the parent's module
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [f"{f}/{part}" for f in folders if isdir(f"{f}/{part}")]
        return spec


def _parse(text: str) -> Requirement:
    from packaging.requirements import Requirement

    return Requirement(text)

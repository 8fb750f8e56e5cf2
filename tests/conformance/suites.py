"""The kit's classes for a technology that one plugin brings to several frameworks."""

from __future__ import annotations

from importlib.util import find_spec

from ncps import registry
from ncps.testing import LayerConformance


def suites(technology: str) -> dict[str, type[LayerConformance]]:
    """One class for each framework that has the technology, by the name of the class.

    A framework whose own plugin is absent is left out. One whose plugin is here and that cannot
    serve the technology all the same fails as its class is collected.
    """
    offered = [info.framework for info in registry.technologies() if info.name == technology]
    here = [name for name in offered if name == "numpy" or find_spec(f"ncps_{name}")]
    return {f"Test{name.capitalize()}": _suite(technology, name) for name in here}


def _suite(technology: str, framework: str) -> type[LayerConformance]:
    names = {"technology": technology, "framework": framework}
    return type(f"Test{framework.capitalize()}", (LayerConformance,), names)

"""Liquid neural networks and standard layers as native layers of several frameworks.

Names are resolved at first use, so that ``import ncps`` costs next to nothing.
"""

from __future__ import annotations

import importlib

__version__ = "2.0.0"

# type checkers take this name for true; importing it from typing costs more than all the rest
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ncps.canonical import build as build
    from ncps.canonical import load as load
    from ncps.canonical import load_parameters as load_parameters
    from ncps.canonical import parameters as parameters
    from ncps.canonical import save as save
    from ncps.conversion import compare as compare
    from ncps.conversion import convert as convert
    from ncps.conversion import convert_parameters as convert_parameters
    from ncps.conversion import from_native as from_native
    from ncps.conversion import from_pretrained as from_pretrained
    from ncps.conversion import record as record
    from ncps.conversion import to_native as to_native
    from ncps.errors import NcpsError as NcpsError
    from ncps.registry import create as create
    from ncps.registry import explain as explain
    from ncps.registry import reload as reload
    from ncps.registry import set_default as set_default
    from ncps.registry import technologies as technologies
    from ncps.registry import use as use

_HOME = {
    "NcpsError": "ncps.errors",
    "build": "ncps.canonical",
    "compare": "ncps.conversion",
    "convert": "ncps.conversion",
    "convert_parameters": "ncps.conversion",
    "create": "ncps.registry",
    "explain": "ncps.registry",
    "from_native": "ncps.conversion",
    "from_pretrained": "ncps.conversion",
    "load": "ncps.canonical",
    "load_parameters": "ncps.canonical",
    "parameters": "ncps.canonical",
    "record": "ncps.conversion",
    "reload": "ncps.registry",
    "save": "ncps.canonical",
    "set_default": "ncps.registry",
    "technologies": "ncps.registry",
    "to_native": "ncps.conversion",
    "use": "ncps.registry",
}
_MODULES = frozenset(
    {
        "abstractions",
        "backend",
        "canonical",
        "config",
        "conversion",
        "dynamics",
        "layers",
        "liquid",
        "mixed",
        "mlx",
        "neural",
        "reference",
        "registry",
        "specs",
        "testing",
    }
    | {"ode", "torch", "training", "wirings"}
)

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"ncps.{name}")
    raise AttributeError(f"module 'ncps' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})

"""All checks of the kit; importing this package registers them in the order of a report."""

from __future__ import annotations

from importlib import import_module

MODULES = (
    "protocol",
    "values",
    "state",
    "masks",
    "time",
    "build",
    "parameters",
    "conversion",
    "composed",
    "collections",
    "hidden",
    "streams",
    "attention",
    "rows",
    "isolation",
    "discovery",
)

for _name in MODULES:
    import_module(f"{__name__}._{_name}")

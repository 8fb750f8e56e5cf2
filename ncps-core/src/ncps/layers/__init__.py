"""``ncps.layers.CfC(units=64)`` is ``ncps.create("CfC", units=64)``, for every layer type."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ncps import specs
from ncps.errors import UnknownNameError
from ncps.layers._recurrent_over import RecurrentOver as RecurrentOver
from ncps.registry import create


def __getattr__(name: str) -> Callable[..., Any]:
    try:
        specs.get(name)
    except UnknownNameError as error:
        raise AttributeError(f"module 'ncps.layers' has no attribute {name!r}: {error}") from None
    return partial(create, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *specs.BUILTIN])

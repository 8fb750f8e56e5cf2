"""Only pairs whose frameworks are installed are tried."""

from __future__ import annotations

import importlib.util

import mixed_pairs as pairs
import pytest


def usable(framework: str) -> bool:
    """Whether the framework and its plugin are here, and Keras has a back end of its own."""
    found = importlib.util.find_spec
    if framework == "mlx" and found("mlx") is None:
        return False
    if found(framework) is None or found(f"ncps_{framework}") is None:
        return False
    return framework != "keras" or _runs()


def _runs() -> bool:
    from ncps_keras._choice import why_not

    return why_not() is None


def backend() -> str:
    """The back end that Keras will take."""
    from ncps_keras._choice import current

    return current()


def combinations() -> list[tuple[str, str]]:
    """Host and guest of every pair that can work here."""
    found = []
    for host in filter(usable, pairs.HOSTS):
        for guest in filter(usable, pairs.GUESTS):
            own = guest == "keras" and backend() == host
            if guest != host and not own:
                found.append((host, guest))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `host` and `guest` to the tests that ask for them."""
    if {"host", "guest"} <= set(metafunc.fixturenames):
        metafunc.parametrize(("host", "guest"), combinations())

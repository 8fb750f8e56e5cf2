from __future__ import annotations

import pytest

import ncps
from ncps.neural import NeuralBackend, create_neural_backend

NAMES = ("mlx", "torch", "keras", "jax")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each of the four back ends that is installed."""
    try:
        create_neural_backend(request.param)
    except ncps.NcpsError as error:
        pytest.skip(str(error))
    return str(request.param)


@pytest.fixture
def backend(name: str) -> NeuralBackend:
    return create_neural_backend(name)

"""Which layers of a stock technology are the very classes that are tested as ours."""

from __future__ import annotations

import pytest

from ncps import registry

# what TestStock of each technology tests
APART = {"GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell"}


@pytest.mark.parametrize("framework", ["keras", "mlx", "torch"])
def test_stock_layers_that_are_tested_as_ours_alone_are_the_same_classes(framework: str) -> None:
    stock = [t for t in registry.technologies() if (t.name, t.framework) == (framework, framework)]
    if not stock or not stock[0].available:
        pytest.skip(f"{framework} is not installed here")
    apart = {layer for layer in stock[0].layers if _provided(layer, framework) > 1}
    assert apart == APART


def _provided(layer: str, framework: str) -> int:
    """How many classes stand for the layer, as the framework's own and as ours."""
    words = [f"ncps-{framework}:{name}" for name in (framework, "ncps")]
    return len({registry.load(registry.select(layer, technology=word)) for word in words})

"""The technologies of ncps-mlx keep every promise: ours, and MLX's stock layers."""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestOurs(LayerConformance):
    technology, framework = "ncps", "mlx"


class TestStock(LayerConformance):
    technology, framework = "mlx", "mlx"
    # the others are the very classes that are tested as ours, which test_shared.py makes sure of
    layers = ("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell")

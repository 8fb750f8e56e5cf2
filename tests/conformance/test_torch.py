"""The technologies of ncps-torch keep every promise: ours, and torch's stock layers."""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestOurs(LayerConformance):
    technology, framework = "ncps", "torch"


class TestStock(LayerConformance):
    technology, framework = "torch", "torch"
    # the others are the very classes that are tested as ours, which test_shared.py makes sure of
    layers = ("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell")

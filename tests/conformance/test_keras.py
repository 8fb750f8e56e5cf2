"""The technologies of ncps-keras keep every promise, on the back end that Keras has here.

Keras' own layers compile anew at each eager call on JAX: there, its part takes minutes.
"""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestOurs(LayerConformance):
    technology, framework = "ncps", "keras"


class TestStock(LayerConformance):
    technology, framework = "keras", "keras"
    # the others are the very classes that are tested as ours, which test_shared.py makes sure of
    layers = ("GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell")

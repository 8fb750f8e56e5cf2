"""The technologies of ncps-keras keep every promise, on the back end that Keras has here."""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestOurs(LayerConformance):
    technology, framework = "ncps", "keras"

"""The technologies of ncps-torch keep every promise: ours, and torch's stock layers."""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestOurs(LayerConformance):
    technology, framework = "ncps", "torch"


class TestStock(LayerConformance):
    technology, framework = "torch", "torch"

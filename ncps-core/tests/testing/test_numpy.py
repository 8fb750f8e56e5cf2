"""The reference itself, served as the technology `numpy`, keeps every promise."""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestNumpy(LayerConformance):
    technology, framework = "numpy", "numpy"

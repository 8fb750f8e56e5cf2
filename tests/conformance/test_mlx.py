"""The technologies of ncps-mlx keep every promise: ours, and MLX's stock layers."""

from __future__ import annotations

from ncps.testing import LayerConformance


class TestOurs(LayerConformance):
    technology, framework = "ncps", "mlx"


class TestStock(LayerConformance):
    technology, framework = "mlx", "mlx"

"""Hyena as MLX modules: ``from ncps_hyena.mlx import HyenaDNA``.

Each class is made from sizes and options, ``HyenaOperator(128, 1024, order=3)``, or from a spec.
``y = layer(x, mask=None)`` runs a whole sequence, ``y, state = layer.step(x, state=None)`` carries
one on.
"""

from __future__ import annotations

from ncps_hyena.mlx.layers import HyenaBlock as HyenaBlock
from ncps_hyena.mlx.layers import HyenaDNA as HyenaDNA
from ncps_hyena.mlx.layers import HyenaOperator as HyenaOperator
from ncps_hyena.mlx.ops import HyenaState as HyenaState
from ncps_hyena.mlx.ops import ModelState as ModelState

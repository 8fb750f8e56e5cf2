"""The layers of Hyena as MLX modules."""

from __future__ import annotations

from ncps_hyena.mlx.layers._block import HyenaBlock as HyenaBlock
from ncps_hyena.mlx.layers._dna import HyenaDNA as HyenaDNA
from ncps_hyena.mlx.layers._operator import HyenaOperator as HyenaOperator

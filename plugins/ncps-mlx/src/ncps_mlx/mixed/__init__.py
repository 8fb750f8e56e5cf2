"""MLX as host of other frameworks' layers, and MLX layers as guests: see `ncps.mixed`."""

from __future__ import annotations

from ncps_mlx.mixed._guest import MlxGuest as MlxGuest
from ncps_mlx.mixed._host import MixedLayer as MixedLayer
from ncps_mlx.mixed._host import MlxHost as MlxHost

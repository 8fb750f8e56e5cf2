"""The classes of `ncps.mlx`, with the signatures that users of ncps for MLX already write."""

from __future__ import annotations

from ncps_mlx.face._cells import CfCCell as CfCCell
from ncps_mlx.face._cells import WiredCfCCell as WiredCfCCell
from ncps_mlx.face._cfc import CfC as CfC
from ncps_mlx.face._dense import NCPDense as NCPDense
from ncps_mlx.face._layer import NCPLayer as NCPLayer
from ncps_mlx.face._rnn import NCPRNNCell as NCPRNNCell

"""Liquid layers for Apple MLX, with the signatures that users of ncps for MLX already write.

    from ncps.mlx import CfC
    from ncps.wirings import AutoNCP

    layer = CfC(input_size=4, units=AutoNCP(32, 8))
    readout, hx = layer(x, timespans=dt)

They are the layers of ``ncps.create(..., framework="mlx")``; the code is in the plugin ncps-mlx.
"""

from __future__ import annotations

from ncps.errors import PluginError

try:
    from ncps_mlx.face import CfC as CfC
    from ncps_mlx.face import CfCCell as CfCCell
    from ncps_mlx.face import NCPDense as NCPDense
    from ncps_mlx.face import NCPLayer as NCPLayer
    from ncps_mlx.face import NCPRNNCell as NCPRNNCell
    from ncps_mlx.face import WiredCfCCell as WiredCfCCell
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("ncps_mlx", "mlx"):
        raise
    raise PluginError(
        f'ncps.mlx needs the plugin ncps-mlx and MLX: {error}. Run: pip install "ncps[mlx]"',
        name=error.name,
    ) from error

__all__ = ["CfC", "CfCCell", "NCPDense", "NCPLayer", "NCPRNNCell", "WiredCfCCell"]

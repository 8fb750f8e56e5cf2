"""Liquid layers for PyTorch, with the signatures and the checkpoints of ncps 1.0.1.

    from ncps.torch import CfC
    from ncps.wirings import AutoNCP

    layer = CfC(input_size=4, units=AutoNCP(32, 8))
    readout, hx = layer(x, timespans=dt)

They are the layers of ``ncps.create(..., framework="torch")``; the code is in ncps-torch.
"""

from __future__ import annotations

from ncps.errors import PluginError

try:
    from ncps_torch.face import LTC as LTC
    from ncps_torch.face import CfC as CfC
    from ncps_torch.face import CfCCell as CfCCell
    from ncps_torch.face import LSTMCell as LSTMCell
    from ncps_torch.face import LTCCell as LTCCell
    from ncps_torch.face import WiredCfCCell as WiredCfCCell
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("ncps_torch", "torch"):
        raise
    raise PluginError(
        f'ncps.torch needs ncps-torch and torch: {error}. Run: pip install "ncps[torch]"',
        name=error.name,
    ) from error

__all__ = ["CfC", "CfCCell", "LSTMCell", "LTC", "LTCCell", "WiredCfCCell"]

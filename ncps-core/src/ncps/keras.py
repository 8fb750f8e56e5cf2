"""Liquid layers for Keras 3, with the signatures and the files of ncps 1.0.1.

    from ncps.keras import CfC
    from ncps.wirings import AutoNCP

    layer = CfC(AutoNCP(32, 8), return_sequences=True)
    y = layer((x, timespans))

They compute what ``ncps.create(..., framework="keras")`` does; the code is in ncps-keras.
"""

from __future__ import annotations

from ncps.errors import PluginError

try:
    from ncps_keras.face import LTC as LTC
    from ncps_keras.face import CfC as CfC
    from ncps_keras.face import CfCCell as CfCCell
    from ncps_keras.face import LTCCell as LTCCell
    from ncps_keras.face import MixedMemoryRNN as MixedMemoryRNN
    from ncps_keras.face import WiredCfCCell as WiredCfCCell
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("ncps_keras", "keras"):
        raise
    raise PluginError(
        f'ncps.keras needs ncps-keras and Keras: {error}. Run: pip install "ncps[keras]"',
        name=error.name,
    ) from error

__all__ = ["CfC", "CfCCell", "LTC", "LTCCell", "MixedMemoryRNN", "WiredCfCCell"]

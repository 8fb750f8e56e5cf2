"""The classes of `ncps.keras`, with the signatures and the files of ncps 1.0.1."""

from __future__ import annotations

from ncps_keras.face._cfc import CfC as CfC
from ncps_keras.face._cfc_cell import CfCCell as CfCCell
from ncps_keras.face._ltc import LTC as LTC
from ncps_keras.face._ltc_cell import LTCCell as LTCCell
from ncps_keras.face._memory import MixedMemoryRNN as MixedMemoryRNN
from ncps_keras.face._wired_cfc_cell import WiredCfCCell as WiredCfCCell

"""The classes of `ncps.torch`, with the signatures and the checkpoints of ncps 1.0.1."""

from __future__ import annotations

from ncps_torch.face._cells import CfCCell as CfCCell
from ncps_torch.face._cells import WiredCfCCell as WiredCfCCell
from ncps_torch.face._cfc import CfC as CfC
from ncps_torch.face._ltc import LTC as LTC
from ncps_torch.face._ltc import LTCCell as LTCCell
from ncps_torch.face._memory import LSTMCell as LSTMCell

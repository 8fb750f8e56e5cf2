"""xLSTM as torch modules: ``from ncps_xlstm.torch import mLSTM``.

Each class is made from sizes and options, ``mLSTM(16, 32, num_layers=2, num_heads=4)``, or from a
spec. A call is like that of `torch.nn.LSTM` with ``batch_first=True``: ``y, state = layer(x)``.
"""

from __future__ import annotations

from ncps_xlstm.torch.layers import mLSTM as mLSTM
from ncps_xlstm.torch.layers import mLSTMBlock as mLSTMBlock
from ncps_xlstm.torch.layers import mLSTMCell as mLSTMCell
from ncps_xlstm.torch.layers import sLSTM as sLSTM
from ncps_xlstm.torch.layers import sLSTMBlock as sLSTMBlock
from ncps_xlstm.torch.layers import sLSTMCell as sLSTMCell
from ncps_xlstm.torch.layers import xLSTMBlockStack as xLSTMBlockStack
from ncps_xlstm.torch.layers import xLSTMLarge as xLSTMLarge
from ncps_xlstm.torch.layers import xLSTMLargeBlock as xLSTMLargeBlock
from ncps_xlstm.torch.layers import xLSTMLM as xLSTMLM

"""xLSTM as MLX modules: ``from ncps_xlstm.mlx import mLSTM``.

Each class is made from sizes and options, ``mLSTM(16, 32, num_layers=2, num_heads=4)``, or from a
spec. A call gives ``y, state = layer(x)``. ``layer.eval()`` makes it of plain operations, which
`mx.export_function` can write; in training the backward pass is one of its own.
"""

from __future__ import annotations

from ncps_xlstm.mlx.layers import mLSTM as mLSTM
from ncps_xlstm.mlx.layers import mLSTMBlock as mLSTMBlock
from ncps_xlstm.mlx.layers import mLSTMCell as mLSTMCell
from ncps_xlstm.mlx.layers import sLSTM as sLSTM
from ncps_xlstm.mlx.layers import sLSTMBlock as sLSTMBlock
from ncps_xlstm.mlx.layers import sLSTMCell as sLSTMCell
from ncps_xlstm.mlx.layers import xLSTMBlockStack as xLSTMBlockStack
from ncps_xlstm.mlx.layers import xLSTMLarge as xLSTMLarge
from ncps_xlstm.mlx.layers import xLSTMLargeBlock as xLSTMLargeBlock
from ncps_xlstm.mlx.layers import xLSTMLM as xLSTMLM

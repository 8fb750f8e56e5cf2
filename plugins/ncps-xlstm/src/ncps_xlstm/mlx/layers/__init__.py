"""The layers of xLSTM as MLX modules."""

from __future__ import annotations

from ncps_xlstm.mlx.layers._blocks import mLSTMBlock as mLSTMBlock
from ncps_xlstm.mlx.layers._blocks import sLSTMBlock as sLSTMBlock
from ncps_xlstm.mlx.layers._blocks import xLSTMLargeBlock as xLSTMLargeBlock
from ncps_xlstm.mlx.layers._mlstm import mLSTM as mLSTM
from ncps_xlstm.mlx.layers._mlstm import mLSTMCell as mLSTMCell
from ncps_xlstm.mlx.layers._models import xLSTMBlockStack as xLSTMBlockStack
from ncps_xlstm.mlx.layers._models import xLSTMLarge as xLSTMLarge
from ncps_xlstm.mlx.layers._models import xLSTMLM as xLSTMLM
from ncps_xlstm.mlx.layers._slstm import sLSTM as sLSTM
from ncps_xlstm.mlx.layers._slstm import sLSTMCell as sLSTMCell

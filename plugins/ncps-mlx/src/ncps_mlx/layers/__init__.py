"""Layers as `mlx.nn.Module`s: made by `ncps.create`, or from a spec."""

from __future__ import annotations

from ncps_mlx.layers._activation import Activation as Activation
from ncps_mlx.layers._base import NativeLayer as NativeLayer
from ncps_mlx.layers._cfc import CfC as CfC
from ncps_mlx.layers._cfc import CfCCell as CfCCell
from ncps_mlx.layers._ctrnn import CTRNN as CTRNN
from ncps_mlx.layers._ctrnn import CTRNNCell as CTRNNCell
from ncps_mlx.layers._dense import Dense as Dense
from ncps_mlx.layers._embedding import Embedding as Embedding
from ncps_mlx.layers._gru import GRU as GRU
from ncps_mlx.layers._gru import GRUCell as GRUCell
from ncps_mlx.layers._lstm import LSTM as LSTM
from ncps_mlx.layers._lstm import LSTMCell as LSTMCell
from ncps_mlx.layers._ltc import LTC as LTC
from ncps_mlx.layers._ltc import LTCCell as LTCCell
from ncps_mlx.layers._ncp_dense import NCPDense as NCPDense
from ncps_mlx.layers._norms import BatchNorm as BatchNorm
from ncps_mlx.layers._norms import GroupNorm as GroupNorm
from ncps_mlx.layers._norms import LayerNorm as LayerNorm
from ncps_mlx.layers._norms import RMSNorm as RMSNorm
from ncps_mlx.layers._recurrent_over import RecurrentOver as RecurrentOver
from ncps_mlx.layers._rnn import RNN as RNN
from ncps_mlx.layers._rnn import RNNCell as RNNCell
from ncps_mlx.layers._sequential import Bidirectional as Bidirectional
from ncps_mlx.layers._sequential import Residual as Residual
from ncps_mlx.layers._sequential import Sequential as Sequential

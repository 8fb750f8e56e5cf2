"""Layers as `mlx.nn.Module`s: made by `ncps.create`, or from a spec."""

from __future__ import annotations

from ncps_mlx.layers._base import NativeLayer as NativeLayer
from ncps_mlx.layers._cfc import CfC as CfC
from ncps_mlx.layers._cfc import CfCCell as CfCCell
from ncps_mlx.layers._ctgru import CTGRU as CTGRU
from ncps_mlx.layers._ctgru import CTGRUCell as CTGRUCell
from ncps_mlx.layers._ctrnn import CTRNN as CTRNN
from ncps_mlx.layers._ctrnn import CTRNNCell as CTRNNCell
from ncps_mlx.layers._dense import Dense as Dense
from ncps_mlx.layers._eltc import ELTC as ELTC
from ncps_mlx.layers._eltc import ELTCCell as ELTCCell
from ncps_mlx.layers._gru import GRU as GRU
from ncps_mlx.layers._gru import GRUCell as GRUCell
from ncps_mlx.layers._lstm import LSTM as LSTM
from ncps_mlx.layers._lstm import LSTMCell as LSTMCell
from ncps_mlx.layers._ltc import LTC as LTC
from ncps_mlx.layers._ltc import LTCCell as LTCCell
from ncps_mlx.layers._ncp_dense import NCPDense as NCPDense
from ncps_mlx.layers._rnn import RNN as RNN
from ncps_mlx.layers._rnn import RNNCell as RNNCell

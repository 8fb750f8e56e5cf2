"""Layers as `mlx.nn.Module`s: made by `ncps.create`, or from a spec."""

from __future__ import annotations

from ncps_mlx.layers._activation import Activation as Activation
from ncps_mlx.layers._attention import GroupedQueryAttention as GroupedQueryAttention
from ncps_mlx.layers._attention import MultiHeadAttention as MultiHeadAttention
from ncps_mlx.layers._base import NativeLayer as NativeLayer
from ncps_mlx.layers._cfc import CfC as CfC
from ncps_mlx.layers._cfc import CfCCell as CfCCell
from ncps_mlx.layers._conv import Conv1D as Conv1D
from ncps_mlx.layers._conv import Conv1DTranspose as Conv1DTranspose
from ncps_mlx.layers._conv import Conv2D as Conv2D
from ncps_mlx.layers._conv import Conv2DTranspose as Conv2DTranspose
from ncps_mlx.layers._ctgru import CTGRU as CTGRU
from ncps_mlx.layers._ctgru import CTGRUCell as CTGRUCell
from ncps_mlx.layers._ctrnn import CTRNN as CTRNN
from ncps_mlx.layers._ctrnn import CTRNNCell as CTRNNCell
from ncps_mlx.layers._dense import Dense as Dense
from ncps_mlx.layers._eltc import ELTC as ELTC
from ncps_mlx.layers._eltc import ELTCCell as ELTCCell
from ncps_mlx.layers._embedding import Embedding as Embedding
from ncps_mlx.layers._feed_forward import FeedForward as FeedForward
from ncps_mlx.layers._feed_forward import GeGLU as GeGLU
from ncps_mlx.layers._feed_forward import SwiGLU as SwiGLU
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
from ncps_mlx.layers._plain import Dropout as Dropout
from ncps_mlx.layers._plain import Flatten as Flatten
from ncps_mlx.layers._pool import AveragePool1D as AveragePool1D
from ncps_mlx.layers._pool import AveragePool2D as AveragePool2D
from ncps_mlx.layers._pool import GlobalAveragePool1D as GlobalAveragePool1D
from ncps_mlx.layers._pool import GlobalAveragePool2D as GlobalAveragePool2D
from ncps_mlx.layers._pool import GlobalMaxPool1D as GlobalMaxPool1D
from ncps_mlx.layers._pool import GlobalMaxPool2D as GlobalMaxPool2D
from ncps_mlx.layers._pool import MaxPool1D as MaxPool1D
from ncps_mlx.layers._pool import MaxPool2D as MaxPool2D
from ncps_mlx.layers._rnn import RNN as RNN
from ncps_mlx.layers._rnn import RNNCell as RNNCell

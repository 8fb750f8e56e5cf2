"""Layers as `keras.layers.Layer`s: made by `ncps.create`, or from a spec."""

from __future__ import annotations

from ncps_keras.layers._activation import Activation as Activation
from ncps_keras.layers._base import NativeLayer as NativeLayer
from ncps_keras.layers._cfc import CfC as CfC
from ncps_keras.layers._cfc import CfCCell as CfCCell
from ncps_keras.layers._conv import Conv1D as Conv1D
from ncps_keras.layers._conv import Conv1DTranspose as Conv1DTranspose
from ncps_keras.layers._conv import Conv2D as Conv2D
from ncps_keras.layers._conv import Conv2DTranspose as Conv2DTranspose
from ncps_keras.layers._ctrnn import CTRNN as CTRNN
from ncps_keras.layers._ctrnn import CTRNNCell as CTRNNCell
from ncps_keras.layers._dense import Dense as Dense
from ncps_keras.layers._embedding import Embedding as Embedding
from ncps_keras.layers._gru import GRU as GRU
from ncps_keras.layers._gru import GRUCell as GRUCell
from ncps_keras.layers._lstm import LSTM as LSTM
from ncps_keras.layers._lstm import LSTMCell as LSTMCell
from ncps_keras.layers._ltc import LTC as LTC
from ncps_keras.layers._ltc import LTCCell as LTCCell
from ncps_keras.layers._ncp_dense import NCPDense as NCPDense
from ncps_keras.layers._norms import BatchNorm as BatchNorm
from ncps_keras.layers._norms import GroupNorm as GroupNorm
from ncps_keras.layers._norms import LayerNorm as LayerNorm
from ncps_keras.layers._norms import RMSNorm as RMSNorm
from ncps_keras.layers._plain import Dropout as Dropout
from ncps_keras.layers._plain import Flatten as Flatten
from ncps_keras.layers._pool import AveragePool1D as AveragePool1D
from ncps_keras.layers._pool import AveragePool2D as AveragePool2D
from ncps_keras.layers._pool import GlobalAveragePool1D as GlobalAveragePool1D
from ncps_keras.layers._pool import GlobalAveragePool2D as GlobalAveragePool2D
from ncps_keras.layers._pool import GlobalMaxPool1D as GlobalMaxPool1D
from ncps_keras.layers._pool import GlobalMaxPool2D as GlobalMaxPool2D
from ncps_keras.layers._pool import MaxPool1D as MaxPool1D
from ncps_keras.layers._pool import MaxPool2D as MaxPool2D
from ncps_keras.layers._rnn import RNN as RNN
from ncps_keras.layers._rnn import RNNCell as RNNCell

"""Layers as `keras.layers.Layer`s: made by `ncps.create`, or from a spec."""

from __future__ import annotations

from ncps_keras.layers._attention import GroupedQueryAttention as GroupedQueryAttention
from ncps_keras.layers._attention import MultiHeadAttention as MultiHeadAttention
from ncps_keras.layers._base import NativeLayer as NativeLayer
from ncps_keras.layers._cfc import CfC as CfC
from ncps_keras.layers._cfc import CfCCell as CfCCell
from ncps_keras.layers._ctgru import CTGRU as CTGRU
from ncps_keras.layers._ctgru import CTGRUCell as CTGRUCell
from ncps_keras.layers._ctrnn import CTRNN as CTRNN
from ncps_keras.layers._ctrnn import CTRNNCell as CTRNNCell
from ncps_keras.layers._dense import Dense as Dense
from ncps_keras.layers._eltc import ELTC as ELTC
from ncps_keras.layers._eltc import ELTCCell as ELTCCell
from ncps_keras.layers._feed_forward import FeedForward as FeedForward
from ncps_keras.layers._feed_forward import GeGLU as GeGLU
from ncps_keras.layers._feed_forward import SwiGLU as SwiGLU
from ncps_keras.layers._gru import GRU as GRU
from ncps_keras.layers._gru import GRUCell as GRUCell
from ncps_keras.layers._lstm import LSTM as LSTM
from ncps_keras.layers._lstm import LSTMCell as LSTMCell
from ncps_keras.layers._ltc import LTC as LTC
from ncps_keras.layers._ltc import LTCCell as LTCCell
from ncps_keras.layers._ncp_dense import NCPDense as NCPDense
from ncps_keras.layers._recurrent_over import RecurrentOver as RecurrentOver
from ncps_keras.layers._rnn import RNN as RNN
from ncps_keras.layers._rnn import RNNCell as RNNCell
from ncps_keras.layers._sequential import Bidirectional as Bidirectional
from ncps_keras.layers._sequential import Residual as Residual
from ncps_keras.layers._sequential import Sequential as Sequential

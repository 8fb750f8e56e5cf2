"""Layers as `torch.nn.Module`s: made by `ncps.create`, or from a spec."""

from __future__ import annotations

from ncps_torch.layers._activation import Activation as Activation
from ncps_torch.layers._base import NativeLayer as NativeLayer
from ncps_torch.layers._block import set_mask as set_mask
from ncps_torch.layers._cfc import CfC as CfC
from ncps_torch.layers._cfc import CfCCell as CfCCell
from ncps_torch.layers._ctrnn import CTRNN as CTRNN
from ncps_torch.layers._ctrnn import CTRNNCell as CTRNNCell
from ncps_torch.layers._dense import Dense as Dense
from ncps_torch.layers._embedding import Embedding as Embedding
from ncps_torch.layers._gru import GRU as GRU
from ncps_torch.layers._gru import GRUCell as GRUCell
from ncps_torch.layers._holders import Memory as Memory
from ncps_torch.layers._lstm import LSTM as LSTM
from ncps_torch.layers._lstm import LSTMCell as LSTMCell
from ncps_torch.layers._ltc import LTC as LTC
from ncps_torch.layers._ltc import LTCCell as LTCCell
from ncps_torch.layers._ncp_dense import NCPDense as NCPDense
from ncps_torch.layers._norms import BatchNorm as BatchNorm
from ncps_torch.layers._norms import GroupNorm as GroupNorm
from ncps_torch.layers._norms import LayerNorm as LayerNorm
from ncps_torch.layers._norms import RMSNorm as RMSNorm
from ncps_torch.layers._original import warn_of_negative as warn_of_negative
from ncps_torch.layers._recurrent import Sequence as Sequence
from ncps_torch.layers._recurrent_over import RecurrentOver as RecurrentOver
from ncps_torch.layers._rnn import RNN as RNN
from ncps_torch.layers._rnn import RNNCell as RNNCell
from ncps_torch.layers._sequential import Bidirectional as Bidirectional
from ncps_torch.layers._sequential import Residual as Residual
from ncps_torch.layers._sequential import Sequential as Sequential

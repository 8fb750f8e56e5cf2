"""The math: arrays in, arrays out; nothing here knows a layer or a spec."""

from __future__ import annotations

from ncps_mlx.kernels._activations import ACTIVATIONS as ACTIVATIONS
from ncps_mlx.kernels._activations import Activation as Activation
from ncps_mlx.kernels._cfc import gated as gated
from ncps_mlx.kernels._cfc import heads as heads
from ncps_mlx.kernels._cfc import pure as pure
from ncps_mlx.kernels._ctgru import ctgru_step as ctgru_step
from ncps_mlx.kernels._ctrnn import ctrnn_unfold as ctrnn_unfold
from ncps_mlx.kernels._gru import gru_step as gru_step
from ncps_mlx.kernels._gru import gru_step_before as gru_step_before
from ncps_mlx.kernels._lstm import lstm_step as lstm_step
from ncps_mlx.kernels._ltc import Synapses as Synapses
from ncps_mlx.kernels._ltc import clip as clip
from ncps_mlx.kernels._ltc import ltc_unfold as ltc_unfold
from ncps_mlx.kernels._ltc import softplus as softplus
from ncps_mlx.kernels._rnn import rnn_step as rnn_step
from ncps_mlx.kernels._scan import Arrays as Arrays
from ncps_mlx.kernels._scan import scan as scan
from ncps_mlx.kernels._scan import unbind as unbind

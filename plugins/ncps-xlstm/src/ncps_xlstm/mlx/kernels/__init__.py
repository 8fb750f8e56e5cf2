"""The math: arrays in, arrays out; nothing here knows a layer or a spec."""

from __future__ import annotations

from ncps_xlstm.mlx.kernels._conv import causal_conv as causal_conv
from ncps_xlstm.mlx.kernels._mlstm import MatrixState as MatrixState
from ncps_xlstm.mlx.kernels._mlstm import mlstm_parallel as mlstm_parallel
from ncps_xlstm.mlx.kernels._mlstm import mlstm_recurrent as mlstm_recurrent
from ncps_xlstm.mlx.kernels._mlstm import mlstm_step as mlstm_step
from ncps_xlstm.mlx.kernels._mlstm_chunks import mlstm_chunkwise as mlstm_chunkwise
from ncps_xlstm.mlx.kernels._slstm import VectorState as VectorState
from ncps_xlstm.mlx.kernels._slstm import log_sigmoid as log_sigmoid
from ncps_xlstm.mlx.kernels._slstm import slstm as slstm
from ncps_xlstm.mlx.kernels._slstm import slstm_step as slstm_step

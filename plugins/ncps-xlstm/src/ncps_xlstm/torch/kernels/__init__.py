"""Pure functions on tensors."""

from __future__ import annotations

from ncps_xlstm.torch.kernels._mlstm import MatrixState as MatrixState
from ncps_xlstm.torch.kernels._mlstm import mlstm_parallel as mlstm_parallel
from ncps_xlstm.torch.kernels._mlstm import mlstm_plain
from ncps_xlstm.torch.kernels._mlstm import mlstm_recurrent as mlstm_recurrent
from ncps_xlstm.torch.kernels._slstm import ScalarState, slstm_plain


def mlstm_chunkwise(q, k, v, i, f, s, chunk):
    return mlstm_plain(q, k, v, i, f, s, chunk)


def slstm(g, R, s):
    return slstm_plain(g, R, ScalarState(*s))

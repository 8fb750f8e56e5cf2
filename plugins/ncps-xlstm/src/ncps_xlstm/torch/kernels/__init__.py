"""The math: tensors in, tensors out; nothing here knows a layer or a spec."""

from __future__ import annotations

from ncps_xlstm.torch.kernels._conv import CausalConv as CausalConv
from ncps_xlstm.torch.kernels._conv import causal_conv_forward as causal_conv_forward
from ncps_xlstm.torch.kernels._conv import causal_conv_plain as causal_conv_plain
from ncps_xlstm.torch.kernels._dtypes import cast as cast
from ncps_xlstm.torch.kernels._mlstm import MatrixState as MatrixState
from ncps_xlstm.torch.kernels._mlstm import empty_state as empty_state
from ncps_xlstm.torch.kernels._mlstm import mlstm_parallel as mlstm_parallel
from ncps_xlstm.torch.kernels._mlstm import mlstm_plain as mlstm_plain
from ncps_xlstm.torch.kernels._mlstm import mlstm_recurrent as mlstm_recurrent
from ncps_xlstm.torch.kernels._mlstm import mlstm_step as mlstm_step
from ncps_xlstm.torch.kernels._mlstm_scan import MLSTMChunks as MLSTMChunks
from ncps_xlstm.torch.kernels._mlstm_scan import mlstm_forward as mlstm_forward
from ncps_xlstm.torch.kernels._slstm import ScalarState as ScalarState
from ncps_xlstm.torch.kernels._slstm import slstm_plain as slstm_plain
from ncps_xlstm.torch.kernels._slstm import slstm_step as slstm_step
from ncps_xlstm.torch.kernels._slstm_scan import SLSTMScan as SLSTMScan
from ncps_xlstm.torch.kernels._slstm_scan import slstm_scan as slstm_scan
from ncps_xlstm.torch.kernels._steps import mlstm_step_forward as mlstm_step_forward
from ncps_xlstm.torch.kernels._steps import slstm_step_forward as slstm_step_forward

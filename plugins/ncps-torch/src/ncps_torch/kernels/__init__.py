"""The math: tensors in, tensors out; nothing here knows a layer or a spec."""

from __future__ import annotations

from ncps_torch.kernels._activations import ACTIVATIONS as ACTIVATIONS
from ncps_torch.kernels._activations import Activation as Activation
from ncps_torch.kernels._cfc import Affine as Affine
from ncps_torch.kernels._cfc import Arguments as Arguments
from ncps_torch.kernels._cfc import Plan as Plan
from ncps_torch.kernels._cfc import cfc_plain as cfc_plain
from ncps_torch.kernels._cfc import cfc_step as cfc_step
from ncps_torch.kernels._cfc import plan_of as plan_of
from ncps_torch.kernels._cfc_scan import CfCScan as CfCScan
from ncps_torch.kernels._cfc_scan import cfc_forward as cfc_forward
from ncps_torch.kernels._ctgru import ctgru_plain as ctgru_plain
from ncps_torch.kernels._ctrnn import ctrnn_plain as ctrnn_plain
from ncps_torch.kernels._explicit_scan import STAGES as STAGES
from ncps_torch.kernels._explicit_scan import Explicit as Explicit
from ncps_torch.kernels._explicit_scan import ExplicitScan as ExplicitScan
from ncps_torch.kernels._explicit_scan import explicit_forward as explicit_forward
from ncps_torch.kernels._gated import gru_plain as gru_plain
from ncps_torch.kernels._gated import rnn_plain as rnn_plain
from ncps_torch.kernels._links import Links as Links
from ncps_torch.kernels._lstm import lstm_plain as lstm_plain
from ncps_torch.kernels._lstm import lstm_step as lstm_step
from ncps_torch.kernels._lstm_scan import LSTMScan as LSTMScan
from ncps_torch.kernels._lstm_scan import lstm_forward as lstm_forward
from ncps_torch.kernels._ltc import Synapses as Synapses
from ncps_torch.kernels._ltc import clip as clip
from ncps_torch.kernels._ltc import ltc_plain as ltc_plain
from ncps_torch.kernels._ltc import softplus as softplus
from ncps_torch.kernels._ltc_scan import LTCScan as LTCScan
from ncps_torch.kernels._ltc_scan import ltc_forward as ltc_forward
from ncps_torch.kernels._solved import Solve as Solve
from ncps_torch.kernels._solved import ctrnn_solved as ctrnn_solved
from ncps_torch.kernels._solved import ltc_solved as ltc_solved
from ncps_torch.kernels._synapse_sums import SynapseSums as SynapseSums
from ncps_torch.kernels._synapse_sums import synapse_sums as synapse_sums

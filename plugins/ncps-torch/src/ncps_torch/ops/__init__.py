"""Between layers and kernels: checks of arguments, devices, dtypes, and the choice of a kernel."""

from __future__ import annotations

from ncps_torch.kernels import ACTIVATIONS as ACTIVATIONS
from ncps_torch.kernels import Affine as Affine
from ncps_torch.kernels import Synapses as Synapses
from ncps_torch.kernels import gru_plain as gru_plain
from ncps_torch.kernels import rnn_plain as rnn_plain
from ncps_torch.ops._cfc import Cell as Cell
from ncps_torch.ops._cfc import cfc as cfc
from ncps_torch.ops._cfc import cfc_of_memory as cfc_of_memory
from ncps_torch.ops._cfc import cfc_with_memory as cfc_with_memory
from ncps_torch.ops._ctrnn import ctrnn as ctrnn
from ncps_torch.ops._devices import available_devices as available_devices
from ncps_torch.ops._devices import check_device as check_device
from ncps_torch.ops._dtypes import DTYPES as DTYPES
from ncps_torch.ops._dtypes import check_dtype as check_dtype
from ncps_torch.ops._dtypes import dtype_name as dtype_name
from ncps_torch.ops._dtypes import from_numpy as from_numpy
from ncps_torch.ops._dtypes import to_numpy as to_numpy
from ncps_torch.ops._inputs import elapsed as elapsed
from ncps_torch.ops._inputs import exact as exact
from ncps_torch.ops._inputs import initial_states as initial_states
from ncps_torch.ops._lstm import lstm as lstm
from ncps_torch.ops._ltc import Circuit as Circuit
from ncps_torch.ops._ltc import Positive as Positive
from ncps_torch.ops._ltc import ltc as ltc
from ncps_torch.ops._ltc import ltc_of_memory as ltc_of_memory
from ncps_torch.ops._ltc import positive as positive
from ncps_torch.ops._masks import Steps as Steps
from ncps_torch.ops._masks import real_steps as real_steps
from ncps_torch.ops._memory import memory_step as memory_step
from ncps_torch.ops._modes import compute_dtype as compute_dtype
from ncps_torch.ops._modes import in_transform as in_transform
from ncps_torch.ops._modes import without_autocast as without_autocast
from ncps_torch.ops._random import draw_seed as draw_seed
from ncps_torch.ops._random import dropout as dropout
from ncps_torch.ops._readout import pick as pick
from ncps_torch.ops._times import Times as Times

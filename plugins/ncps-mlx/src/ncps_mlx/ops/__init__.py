"""Between layers and kernels: checks of arguments, devices, dtypes, and the choice of a kernel."""

from __future__ import annotations

from ncps_mlx.kernels import ACTIVATIONS as ACTIVATIONS
from ncps_mlx.kernels import Synapses as Synapses
from ncps_mlx.ops._cfc import Affine as Affine
from ncps_mlx.ops._cfc import Block as Block
from ncps_mlx.ops._cfc import cfc as cfc
from ncps_mlx.ops._cfc import cfc_of_memory as cfc_of_memory
from ncps_mlx.ops._cfc import cfc_with_memory as cfc_with_memory
from ncps_mlx.ops._ctrnn import ctrnn as ctrnn
from ncps_mlx.ops._devices import available_devices as available_devices
from ncps_mlx.ops._devices import check_device as check_device
from ncps_mlx.ops._devices import on_device as on_device
from ncps_mlx.ops._dtypes import DTYPES as DTYPES
from ncps_mlx.ops._dtypes import check_dtype as check_dtype
from ncps_mlx.ops._dtypes import dtype_name as dtype_name
from ncps_mlx.ops._dtypes import from_numpy as from_numpy
from ncps_mlx.ops._dtypes import to_numpy as to_numpy
from ncps_mlx.ops._gated import gru as gru
from ncps_mlx.ops._gated import rnn as rnn
from ncps_mlx.ops._inputs import as_array as as_array
from ncps_mlx.ops._inputs import elapsed as elapsed
from ncps_mlx.ops._inputs import initial_states as initial_states
from ncps_mlx.ops._inputs import mapped_alike as mapped_alike
from ncps_mlx.ops._lstm import lstm as lstm
from ncps_mlx.ops._ltc import Circuit as Circuit
from ncps_mlx.ops._ltc import Positive as Positive
from ncps_mlx.ops._ltc import ltc as ltc
from ncps_mlx.ops._ltc import ltc_of_memory as ltc_of_memory
from ncps_mlx.ops._ltc import positive as positive
from ncps_mlx.ops._ltc import table as table
from ncps_mlx.ops._masks import Steps as Steps
from ncps_mlx.ops._masks import real_steps as real_steps
from ncps_mlx.ops._random import draw_seed as draw_seed
from ncps_mlx.ops._random import dropout as dropout
from ncps_mlx.ops._random import untouched_random as untouched_random
from ncps_mlx.ops._readout import pick as pick
from ncps_mlx.ops._times import Times as Times
from ncps_mlx.ops._transforms import in_transform as in_transform
from ncps_mlx.ops._trees import first_parameter as first_parameter
from ncps_mlx.ops._trees import named as named

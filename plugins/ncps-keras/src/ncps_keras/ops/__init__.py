"""Between layers and kernels: checks of arguments, devices, dtypes, and what a loop has ready."""

from __future__ import annotations

from ncps_keras.kernels import ACTIVATIONS as ACTIVATIONS
from ncps_keras.kernels import Synapses as Synapses
from ncps_keras.ops._affine import affine as affine
from ncps_keras.ops._arguments import as_given as as_given
from ncps_keras.ops._arguments import as_tensor as as_tensor
from ncps_keras.ops._attention import attention as attention
from ncps_keras.ops._attention import distances as distances
from ncps_keras.ops._attention import positions_of as positions_of
from ncps_keras.ops._attention import rotated as rotated
from ncps_keras.ops._cfc import Affine as Affine
from ncps_keras.ops._cfc import Block as Block
from ncps_keras.ops._cfc import cfc as cfc
from ncps_keras.ops._cfc import cfc_of_memory as cfc_of_memory
from ncps_keras.ops._cfc import cfc_with_memory as cfc_with_memory
from ncps_keras.ops._ctgru import ctgru as ctgru
from ncps_keras.ops._devices import available_devices as available_devices
from ncps_keras.ops._devices import check_device as check_device
from ncps_keras.ops._devices import on_device as on_device
from ncps_keras.ops._dtypes import DTYPES as DTYPES
from ncps_keras.ops._dtypes import check_dtype as check_dtype
from ncps_keras.ops._dtypes import from_numpy as from_numpy
from ncps_keras.ops._dtypes import to_numpy as to_numpy
from ncps_keras.ops._gated import ctrnn as ctrnn
from ncps_keras.ops._gated import gru as gru
from ncps_keras.ops._gated import lstm as lstm
from ncps_keras.ops._gated import rnn as rnn
from ncps_keras.ops._inputs import elapsed as elapsed
from ncps_keras.ops._inputs import initial_states as initial_states
from ncps_keras.ops._inputs import real_steps as real_steps
from ncps_keras.ops._ltc import Circuit as Circuit
from ncps_keras.ops._ltc import ltc as ltc
from ncps_keras.ops._ltc import ltc_of_memory as ltc_of_memory
from ncps_keras.ops._ltc import positive as positive
from ncps_keras.ops._ltc import table as table
from ncps_keras.ops._random import draw_seed as draw_seed
from ncps_keras.ops._random import dropout as dropout
from ncps_keras.ops._random import seed_generator as seed_generator
from ncps_keras.ops._readout import pick as pick
from ncps_keras.ops._times import Times as Times
from ncps_keras.ops._values import First as First

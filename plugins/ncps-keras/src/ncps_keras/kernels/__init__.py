"""The math: arrays in, arrays out; nothing here knows a layer or a spec.

A step is a frozen dataclass: what is fixed stands in its fields, so that equal steps are one step
to JAX's compiler, and what it computes with comes as arguments ``step(weights, at_t, states)``.
"""

from __future__ import annotations

from ncps_keras.kernels._activations import ACTIVATIONS as ACTIVATIONS
from ncps_keras.kernels._cfc import CfCMemoryStep as CfCMemoryStep
from ncps_keras.kernels._cfc import CfCOfMemoryStep as CfCOfMemoryStep
from ncps_keras.kernels._cfc import CfCStep as CfCStep
from ncps_keras.kernels._ctgru import CTGRUStep as CTGRUStep
from ncps_keras.kernels._ctrnn import CTRNNStep as CTRNNStep
from ncps_keras.kernels._gated import GRUStep as GRUStep
from ncps_keras.kernels._gated import RNNStep as RNNStep
from ncps_keras.kernels._lstm import LSTMStep as LSTMStep
from ncps_keras.kernels._ltc import LTCOfMemoryStep as LTCOfMemoryStep
from ncps_keras.kernels._ltc import LTCStep as LTCStep
from ncps_keras.kernels._ltc import Synapses as Synapses
from ncps_keras.kernels._ltc import clip as clip
from ncps_keras.kernels._ltc import mapped as mapped
from ncps_keras.kernels._ltc import sums as sums
from ncps_keras.kernels._scan import Arrays as Arrays
from ncps_keras.kernels._scan import Result as Result
from ncps_keras.kernels._scan import Step as Step
from ncps_keras.kernels._scan import scan as scan
from ncps_keras.kernels._solved import FixedSteps as FixedSteps
from ncps_keras.kernels._solved import Solve as Solve

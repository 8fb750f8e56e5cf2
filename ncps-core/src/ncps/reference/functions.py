"""Elementary functions that also take complex arguments, for the references of plugins."""

from __future__ import annotations

from ncps.reference._feed_forward import affine as affine
from ncps.reference._functions import ACTIVATIONS as ACTIVATIONS
from ncps.reference._functions import Array as Array
from ncps.reference._functions import absolute as absolute
from ncps.reference._functions import erf as erf
from ncps.reference._functions import gelu as gelu
from ncps.reference._functions import relu as relu
from ncps.reference._functions import sigmoid as sigmoid
from ncps.reference._functions import silu as silu
from ncps.reference._functions import softplus as softplus
from ncps.reference._gated import Parameters as Parameters
from ncps.reference._gated import State as State

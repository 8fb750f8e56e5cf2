"""What this plugin lends to other plugins' layers on torch: `ncps.registry.toolkit("torch")`.

A layer is a `NativeLayer`: it sets its submodules in `_structure(spec)`, relates them to the
canonical parameters in `_plain_map(spec)`, and defines `forward`. A `Cell` or `Sequence` has its
`forward` and defines `_run`, or `scan` where the output is no state.
"""

from __future__ import annotations

from ncps_torch.layers import NativeLayer as NativeLayer
from ncps_torch.layers._recurrent import Cell as Cell
from ncps_torch.layers._recurrent import Sequence as Sequence
from ncps_torch.ops import ACTIVATIONS as ACTIVATIONS
from ncps_torch.ops import DTYPES as DTYPES
from ncps_torch.ops import Steps as Steps
from ncps_torch.ops import Times as Times
from ncps_torch.ops import available_devices as available_devices
from ncps_torch.ops import dropout as dropout
from ncps_torch.ops import elapsed as elapsed
from ncps_torch.ops import in_transform as in_transform
from ncps_torch.ops import indices as indices
from ncps_torch.ops import initial_states as initial_states
from ncps_torch.ops import real_mask as real_mask
from ncps_torch.ops import real_steps as real_steps
from ncps_torch.ops import wants_gradient as wants_gradient
from ncps_torch.ops import without_autocast as without_autocast

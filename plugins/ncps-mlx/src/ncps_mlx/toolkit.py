"""What this plugin lends to other plugins' layers on MLX: `ncps.registry.toolkit("mlx")`.

A layer is a `NativeLayer`: it sets its submodules in `_structure()`, relates them to the canonical
parameters in `_plain_map(spec)`, and defines `__call__`. A `Cell` or `Sequence` has its `__call__`
and defines `_run`, or `scan` where the output is no state.
"""

from __future__ import annotations

from ncps_mlx.layers import NativeLayer as NativeLayer
from ncps_mlx.layers._recurrent import Cell as Cell
from ncps_mlx.layers._recurrent import Sequence as Sequence
from ncps_mlx.ops import ACTIVATIONS as ACTIVATIONS
from ncps_mlx.ops import DTYPES as DTYPES
from ncps_mlx.ops import Steps as Steps
from ncps_mlx.ops import Times as Times
from ncps_mlx.ops import as_array as as_array
from ncps_mlx.ops import available_devices as available_devices
from ncps_mlx.ops import dropout as dropout
from ncps_mlx.ops import elapsed as elapsed
from ncps_mlx.ops import in_transform as in_transform
from ncps_mlx.ops import indices as indices
from ncps_mlx.ops import initial_states as initial_states
from ncps_mlx.ops import mapped_alike as mapped_alike
from ncps_mlx.ops import on_device as on_device
from ncps_mlx.ops import real_steps as real_steps

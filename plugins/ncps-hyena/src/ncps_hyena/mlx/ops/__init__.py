"""What the layers call: checks, what is remembered, and the choice of a kernel."""

from __future__ import annotations

from ncps_hyena.mlx.kernels import filtered_convolution as filtered_convolution
from ncps_hyena.mlx.kernels import short_convolution as short_convolution
from ncps_hyena.mlx.kernels import stream_convolution as stream_convolution
from ncps_hyena.mlx.ops._host import kit as kit
from ncps_hyena.mlx.ops._long import Filters as Filters
from ncps_hyena.mlx.ops._long import written_convolution as written_convolution
from ncps_hyena.mlx.ops._masks import cleared as cleared
from ncps_hyena.mlx.ops._masks import pooled as pooled
from ncps_hyena.mlx.ops._remembered import Remembered as Remembered
from ncps_hyena.mlx.ops._state import HyenaState as HyenaState
from ncps_hyena.mlx.ops._state import ModelState as ModelState
from ncps_hyena.mlx.ops._state import check_state as check_state
from ncps_hyena.mlx.ops._state import empty_state as empty_state
from ncps_hyena.mlx.ops._state import other_state as other_state
from ncps_hyena.mlx.ops._tables import delta as delta
from ncps_hyena.mlx.ops._tables import positions as positions
from ncps_hyena.mlx.ops._tables import times as times

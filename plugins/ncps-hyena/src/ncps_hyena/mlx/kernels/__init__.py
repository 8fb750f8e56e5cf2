"""The math: arrays in, arrays out; nothing here knows a layer or a spec."""

from __future__ import annotations

from ncps_hyena.mlx.kernels._filter import Filter as Filter
from ncps_hyena.mlx.kernels._filter import with_skip as with_skip
from ncps_hyena.mlx.kernels._long import filtered_convolution as filtered_convolution
from ncps_hyena.mlx.kernels._long import long_convolution as long_convolution
from ncps_hyena.mlx.kernels._short import short_convolution as short_convolution
from ncps_hyena.mlx.kernels._stream import LEAF as LEAF
from ncps_hyena.mlx.kernels._stream import Stream as Stream
from ncps_hyena.mlx.kernels._stream import stream_convolution as stream_convolution

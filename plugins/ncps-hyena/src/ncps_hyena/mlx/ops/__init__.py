"""What the layers call: checks, what is remembered, and the choice of a kernel."""

from __future__ import annotations

from ncps_hyena.mlx.ops._remembered import Remembered as Remembered

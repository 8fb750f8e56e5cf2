"""What the layers compute with: which kernel, and what is kept between calls."""

from __future__ import annotations

from ncps_hyena.torch.ops._remembered import Remembered as Remembered

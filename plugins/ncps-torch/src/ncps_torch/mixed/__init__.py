"""torch as host of other frameworks' layers, and torch layers as guests: see `ncps.mixed`."""

from __future__ import annotations

from ncps_torch.mixed._guest import TorchGuest as TorchGuest
from ncps_torch.mixed._host import MixedLayer as MixedLayer
from ncps_torch.mixed._host import TorchHost as TorchHost

"""Between layers and kernels: checks, masks, dtypes, the choice of a kernel, what is kept."""

from __future__ import annotations

from ncps_hyena.torch.ops._convolutions import Taps as Taps
from ncps_hyena.torch.ops._convolutions import compiled as compiled
from ncps_hyena.torch.ops._convolutions import convolved as convolved
from ncps_hyena.torch.ops._filters import Network as Network
from ncps_hyena.torch.ops._host import kit as kit
from ncps_hyena.torch.ops._inputs import cleared as cleared
from ncps_hyena.torch.ops._inputs import given as given
from ncps_hyena.torch.ops._inputs import given_tokens as given_tokens
from ncps_hyena.torch.ops._kept import Kept as Kept
from ncps_hyena.torch.ops._projections import inward as inward
from ncps_hyena.torch.ops._projections import outward as outward
from ncps_hyena.torch.ops._stream import HyenaState as HyenaState
from ncps_hyena.torch.ops._stream import checked as checked
from ncps_hyena.torch.ops._stream import other_state as other_state
from ncps_hyena.torch.ops._stream import streamed as streamed

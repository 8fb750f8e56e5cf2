"""Between layers and kernels: masks, layouts, and the choice of a kernel."""

from __future__ import annotations

from ncps_xlstm.torch.kernels import cast as cast
from ncps_xlstm.torch.ops._behind import Behind as Behind
from ncps_xlstm.torch.ops._conv import convolved as convolved
from ncps_xlstm.torch.ops._host import ACTIVATIONS as ACTIVATIONS
from ncps_xlstm.torch.ops._host import kit as kit
from ncps_xlstm.torch.ops._host import without_autocast as without_autocast
from ncps_xlstm.torch.ops._mlstm import mlstm as mlstm
from ncps_xlstm.torch.ops._slstm import slstm as slstm

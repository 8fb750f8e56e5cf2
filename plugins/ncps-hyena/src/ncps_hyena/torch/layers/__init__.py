"""The layers of Hyena as torch modules."""

from __future__ import annotations

from ncps_hyena.torch.layers._block import HyenaBlock as HyenaBlock
from ncps_hyena.torch.layers._dna import HyenaDNA as HyenaDNA
from ncps_hyena.torch.layers._dna import ModelState as ModelState
from ncps_hyena.torch.layers._operator import HyenaOperator as HyenaOperator

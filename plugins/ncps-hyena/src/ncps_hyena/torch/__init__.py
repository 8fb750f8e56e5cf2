"""Hyena as torch modules: ``from ncps_hyena.torch import HyenaOperator``.

Each class is made from sizes and options, ``HyenaOperator(128, 1024, order=3)`` and
``HyenaDNA(l_max=1024, units=128, num_layers=2)``, or from a spec. ``y = layer(x, mask=None)`` runs
whole sequences, ``y, state = layer.step(x, state=None, mask=None)`` carries one on.
"""

from __future__ import annotations

from ncps_hyena.torch.layers import HyenaBlock as HyenaBlock
from ncps_hyena.torch.layers import HyenaDNA as HyenaDNA
from ncps_hyena.torch.layers import HyenaOperator as HyenaOperator
from ncps_hyena.torch.layers._dna import ModelState as ModelState
from ncps_hyena.torch.ops import HyenaState as HyenaState

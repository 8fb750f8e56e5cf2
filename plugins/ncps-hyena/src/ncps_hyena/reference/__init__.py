"""The float64 meaning of each layer, in plain sums: no transform, no chunk, no cache."""

from __future__ import annotations

from ncps.reference import Feedforward
from ncps_hyena.reference._block import block
from ncps_hyena.reference._dna import dna
from ncps_hyena.reference._history import History as History
from ncps_hyena.reference._history import replayed
from ncps_hyena.reference._operator import operator

hyena_operator = Feedforward(operator, replayed(operator))
hyena_block = Feedforward(block, replayed(block))
hyena_dna = Feedforward(dna, replayed(dna))

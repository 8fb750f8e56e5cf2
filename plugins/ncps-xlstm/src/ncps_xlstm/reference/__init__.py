"""The float64 meaning of each layer: one plain step in NumPy, without chunks."""

from __future__ import annotations

from ncps.reference import Recurrent
from ncps_xlstm.reference._blocks import large_block_step, mlstm_block_step, slstm_block_step
from ncps_xlstm.reference._mlstm import mlstm_step
from ncps_xlstm.reference._models import large_step, lm_step, stack_step
from ncps_xlstm.reference._slstm import slstm_step

slstm = Recurrent(slstm_step)
mlstm = Recurrent(mlstm_step)
slstm_block = Recurrent(slstm_block_step)
mlstm_block = Recurrent(mlstm_block_step)
large_block = Recurrent(large_block_step)
stack = Recurrent(stack_step)
lm = Recurrent(lm_step)
large = Recurrent(large_step)

"""`ncps.torch.LSTMCell`: the memory beside a CfC, on its own."""

from __future__ import annotations

from torch import Tensor, nn

from ncps_torch import ops
from ncps_torch.layers import Memory


class LSTMCell(Memory):
    r"""One step of the LSTM of mixed memory, whose forget gate starts open.

    .. math::
        c' = \sigma(f + 1) \odot c + \sigma(i) \odot \tanh g,\quad h' = \sigma(o) \odot \tanh c'

    Shape: inputs (B, D), states (h (B, H), c (B, H)) → (h', c').
    Source: ncps 1.0.1; for torch's own cell use ``ncps.create("LSTMCell", technology="torch.nn")``.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.init_weights()

    def init_weights(self) -> None:
        """Draw new parameters from torch's generator."""
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.orthogonal_(self.recurrent_map.weight)
        nn.init.uniform_(self.input_map.cast(self.input_map.weight.dtype)[1], -0.1, 0.1)

    def forward(self, inputs: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The new (h, c)."""
        return ops.memory_step(self.cast(inputs.dtype), inputs, states)

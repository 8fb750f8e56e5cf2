"""Mixed memory of CfC and LTC: an LSTM cell in front of the neurons."""

from __future__ import annotations

from ncps.reference._functions import Array
from ncps.reference._gated import Parameters, State, lstm
from ncps.specs import CfCCell, LTCCell


def behind_memory(
    spec: CfCCell | LTCCell, p: Parameters, x: Array, state: State
) -> tuple[Array, ...]:
    """What the neurons read, their own state, and the new memory if there is one.

    The LSTM updates (h, c) before the neurons do. In the dialect of ncps 1.0.1 for Keras they read
    its output in place of x, and keep their h. The forget gate starts open: 1.0.1 adds 1 to its
    bias.
    """
    if not spec.mixed_memory:
        return (x, *state)
    h, c = lstm(p, "memory.", x, state, use_bias=True, forget_offset=1.0)
    return (h, state[0], c) if spec.reads_memory else (x, h, c)

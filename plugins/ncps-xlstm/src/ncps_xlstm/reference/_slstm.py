"""One step of an sLSTM, as its equation says.

x (B, D); a state is (h, c, n, m), each (B, H). All arrays may be complex, but for m, whose
imaginary part is dropped: it is a constant for derivatives.
"""

from __future__ import annotations

import numpy as np

from ncps.reference.functions import Array, Parameters, State, sigmoid, softplus
from ncps_xlstm.reference._parts import by_head
from ncps_xlstm.specs import sLSTMCell


def slstm_step(spec: sLSTMCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """(h', c', n', m') after x."""
    h = state[0]

    def preactivation(gate: str) -> Array:
        recurrent = by_head(h, p[f"{gate}.recurrent_kernel"])
        return x @ p[f"{gate}.kernel"] + recurrent + p[f"{gate}.bias"]

    gates = ("input_gate", "forget_gate", "cell_gate", "output_gate")
    i, f, z, o = map(preactivation, gates)
    return slstm_update(i, f, z, o, state)


def slstm_update(i: Array, f: Array, z: Array, o: Array, state: State) -> State:
    """m' = max(i, a), c' = F c + I tanh z, n' = F n + I, h' = σ(o) c' / n'."""
    _, c, n, m = state
    empty = n.real == 0.0
    a = -softplus(-f) + m.real
    # the m of an empty state stands for -∞
    m = np.where(empty, i.real, np.maximum(i.real, a.real))
    input_gate = np.exp(i - m)
    forget_gate = np.where(empty, 0.0, np.exp(np.where(empty, 0.0, a - m)))
    c = forget_gate * c + input_gate * np.tanh(z)
    n = forget_gate * n + input_gate
    return sigmoid(o) * c / n, c, n, m

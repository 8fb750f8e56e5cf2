r"""An sLSTM over a sequence with a backward of its own; maths and shapes are those of `_slstm`.

m cancels: with r = c/n and l = m + log n, the memory is a gated mean, and one step is

.. math::
    a = \log\sigma(f) + l,\quad l' = \log(e^a + e^i),\quad p = \sigma(i - a),\quad
    r' = r + p (\tanh z - r),\quad h' = \sigma(o)\, r'

m' = max(i, log σ(f) + m) runs beside it, for the state that is handed out.

Forward, a chunk of steps stands in one buffer, (T, N, B, 4·D) with the gates in the order
i, z, f, o, to which each step adds h R for all heads in one product. Backward, with z and o for
their activated values, a step is

.. math::
    \bar r \mathrel{+}= o \bar h,\quad
    \delta_i = (z - r) p (1 - p)\, \bar r' + p \bar l',\quad \bar l = \bar l' - \delta_i

    \delta_f = (1 - \sigma(f)) \bar l,\quad \delta_z = p (1 - z^2) \bar r',\quad
    \delta_o = r' o (1 - o) \bar h,\quad \bar r = (1 - p) \bar r',\quad
    \bar h_{t-1} \mathrel{+}= \delta R^\top

whose slopes are computed in bulk for a chunk; so is the gradient of R. Second derivatives, and
torch's transforms, go through the plain twin.

Held to the plain twin, outputs and gradients, by `test_slstm_scan.py`.
"""

r"""Specs of Hyena: one frozen description per layer, the same for every technology.

All three layers are feed-forward, take a `mask` and stream (``layer.step``), unless they are
bidirectional or pool over the steps. D features, N = order, K = short_filter_order,
F = filter_order, E = emb_dim, L = l_max. Kernels are (in, out); what stands in brackets is there
with the option alone.

HyenaOperator, i = 0 … N-1 the gates x_i, o = 0 … N-2 the long convolutions in the order they run:

==================================== ============ ============================================
name                                 shape        meaning
==================================== ============ ============================================
value.kernel, value.bias             (D, D), (D,) v before its short convolution
value.short_kernel, value.short_bias (K, D), (D,) taps of v; tap K-1 is the step itself
gate_<i>.kernel, .bias               (D, D), (D,) x_i before its short convolution
gate_<i>.short_kernel, .short_bias   (K, D), (D,) taps of x_i
filter.hidden_0.kernel, .bias        (E, F), (F,) of the network that writes the filters
filter.hidden_<j>.kernel, .bias      (F, F), (F,) j = 1 … num_inner
filter.frequency                     (F,)         [learn_frequency] ω of all its sines
filter.positions                     (L, E)       [learn_positions] z
long_<o>.kernel                      (F, D)       from the network to filter o
long_<o>.reverse_kernel              (F, D)       [bidirectional] to the filter of later steps
long_<o>.skip                        (D,)         s_o, what a step adds to itself
long_<o>.delta                       (D,)         [learn_decay] δ_o
output.kernel, output.bias           (D, D), (D,) the last projection
==================================== ============ ============================================

HyenaBlock: norm_1.gamma, norm_1.beta (D,); operator.<name>; norm_2.gamma, norm_2.beta (D,);
mlp.up.kernel (D, I), mlp.up.bias (I,); mlp.down.kernel (I, D), mlp.down.bias (D,), I = inner_size.

HyenaDNA: embeddings (V, D), V the padded vocabulary; blocks.<i>.<name>; norm.gamma, norm.beta (D,);
head.kernel (D, V) [head="lm", not tie_embeddings] or head.kernel (D, classes), head.bias (classes,)
[head="classification", head_bias].
"""

from __future__ import annotations

from ncps_hyena.specs._block import HyenaBlock as HyenaBlock
from ncps_hyena.specs._dna import HyenaDNA as HyenaDNA
from ncps_hyena.specs._filter import HyenaSpec as HyenaSpec
from ncps_hyena.specs._operator import HyenaOperator as HyenaOperator

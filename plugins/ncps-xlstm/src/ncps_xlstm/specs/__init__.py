"""The layers of xLSTM as descriptions, the same for every technology.

Letters: D = input_size, H = units, NH = num_heads, d = H / NH, K = kernel_size, V = vocab_size.
Kernels are (in, out), those of single heads (head, in, out); a bias is left out where the options
say so. The first array of a state is y of the last real step; zeros are the empty state.

sLSTMCell, sLSTM: for each gate in input_gate, forget_gate, cell_gate (z), output_gate
    <gate>.kernel (D, H), <gate>.recurrent_kernel (NH, d, d), <gate>.bias (H,)
    state h, c, n, m, each (H,)
mLSTMCell, mLSTM: dk = key_size / NH
    query.kernel and key.kernel (D, NH·dk), value.kernel and output_gate.kernel (D, H), each with a
    .bias; input_gate.kernel and forget_gate.kernel (D, NH), each with a .bias (NH,)
    state h (H,), C (NH, dk, d), n (NH, dk), m (NH,)
sLSTMBlock: d = D / NH, F = hidden_size
    norm.gamma (D,), conv.kernel (K, 1, D), conv.bias (D,), for each gate
    <gate>.kernel (NH, d, d), <gate>.recurrent_kernel (NH, d, d), <gate>.bias (D,),
    cell_norm.gamma (D,), ffn_norm.gamma (D,), ffn.gate.kernel and ffn.up.kernel (D, F),
    ffn.down.kernel (F, D)
    state y (D,), conv (K - 1, D), h, c, n, m, each (D,)
mLSTMBlock: N = inner, d = N / NH, b = block_size
    norm.gamma (D,), up.kernel and gate.kernel (D, N), conv.kernel (K, 1, N), conv.bias (N,),
    query.kernel, key.kernel and value.kernel (N / b, b, b), input_gate.kernel and
    forget_gate.kernel (3 N, NH) whose rows read q, k, v in this order, each with a .bias (NH,),
    cell_norm.gamma (N,), skip (N,), down.kernel (N, D)
    state y (D,), conv (K - 1, N), C (NH, d, d), n (NH, d), m (NH,)
xLSTMLargeBlock: N = value_units, d = N / NH, dk = key_units / NH, F = hidden_size
    norm.gamma (D,), query.kernel and key.kernel (D, NH·dk), value.kernel (D, N),
    input_gate.kernel and forget_gate.kernel (D, NH), each with a .bias (NH,),
    output_gate.kernel (D, N), cell_norm.gamma (N,), output.kernel (N, D), ffn_norm.gamma (D,),
    ffn.gate.kernel and ffn.up.kernel (D, F), ffn.down.kernel (F, D)
    state y (D,), C (NH, dk, d), n (NH, dk), m (NH,)
xLSTMBlockStack: blocks.<i>.<name of its block>, norm.gamma (D,)
    state y (D,), blocks.<i>.<name of its block's state but y>
xLSTMLM, xLSTMLarge: embedding.embeddings (V, H), blocks.<i>.<name of its block>, norm.gamma (H,),
    head.kernel (H, V); state y (V,), or (H,) without a head, blocks.<i>.<as above>

conv.kernel[K - 1] meets the step itself, conv.kernel[0] the one K - 1 before; a state conv holds
the K - 1 inputs before, oldest first.
"""

from __future__ import annotations

from ncps_xlstm.specs._blocks import BlockSpec as BlockSpec
from ncps_xlstm.specs._checks import FORMS as FORMS
from ncps_xlstm.specs._language import LanguageModelSpec as LanguageModelSpec
from ncps_xlstm.specs._language import xLSTMLarge as xLSTMLarge
from ncps_xlstm.specs._language import xLSTMLM as xLSTMLM
from ncps_xlstm.specs._large_block import xLSTMLargeBlock as xLSTMLargeBlock
from ncps_xlstm.specs._mlstm import EPSILON as EPSILON
from ncps_xlstm.specs._mlstm import mLSTM as mLSTM
from ncps_xlstm.specs._mlstm import mLSTMCell as mLSTMCell
from ncps_xlstm.specs._mlstm_block import mLSTMBlock as mLSTMBlock
from ncps_xlstm.specs._slstm import sLSTM as sLSTM
from ncps_xlstm.specs._slstm import sLSTMCell as sLSTMCell
from ncps_xlstm.specs._slstm_block import sLSTMBlock as sLSTMBlock
from ncps_xlstm.specs._stack import StackOptions as StackOptions
from ncps_xlstm.specs._stack import xLSTMBlockStack as xLSTMBlockStack

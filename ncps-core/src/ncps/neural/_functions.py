"""All operations on arrays, in one class: what a plugin offers for its framework."""

from __future__ import annotations

from ncps.neural._attention import Attention
from ncps.neural._losses import Losses

OPERATIONS = (
    "alibi",
    "batch_norm",
    "binary_cross_entropy",
    "cross_entropy",
    "elu",
    "embedding",
    "flash_attention",
    "geglu",
    "gelu",
    "group_norm",
    "grouped_query_attention",
    "huber_loss",
    "layer_norm",
    "leaky_relu",
    "lecun_tanh",
    "linear",
    "log_softmax",
    "mae_loss",
    "mse_loss",
    "multi_head_attention",
    "relu",
    "rms_norm",
    "rope",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "swiglu",
    "tanh",
)


class Functions(Attention, Losses):
    """Every operation, composed of a namespace `xp`; the hook ``ncps_neural`` returns one.

    A plugin's subclass defines what `Arrays` leaves open and replaces each operation that its
    framework has itself; `native` then names the framework's function, so that `capabilities` can
    tell. Features are on the last axis, kernels are (in, out).
    """

"""The reference beside the package xlstm 2.0.6: the same weights give the same outputs and states.

Both run in double precision. Where the package starts an mLSTM from m = -∞ (its parallel form), it
differs from m = 0 by its ε of 1e-6: float32's tolerance is enough there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ncps.canonical import Array, ParameterMap
from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import run
from ncps.specs import GATES, Spec
from ncps_xlstm import specs
from ncps_xlstm.layouts import large_map, stack_map
from ncps_xlstm.layouts._rules import Biases, Recurrent

torch = pytest.importorskip("torch")
DOUBLE, SINGLE = TOLERANCES["float64"].values, TOLERANCES["float32"].values
RNG = np.random.default_rng(0)
STEPS = 9


def arrays(module: Any) -> dict[str, Array]:
    return {name: t.detach().numpy() for name, t in module.state_dict().items()}


def canonical(spec: Spec, module: Any, rules: ParameterMap) -> dict[str, Array]:
    p = rules.to_canonical(arrays(module))
    assert {k: v.shape for k, v in p.items()} == {q.name: q.shape for q in spec.parameters()}
    assert {k: v.shape for k, v in rules.to_native(p).items()} == {
        k: v.shape for k, v in arrays(module).items()
    }
    return p


def close(got: Any, expected: Any, bounds: Any = DOUBLE) -> None:
    expected = expected.detach().numpy() if hasattr(expected, "detach") else expected
    np.testing.assert_allclose(got, expected.reshape(np.shape(got)), **bounds)


def signal(*shape: int) -> tuple[Array, Any]:
    x = RNG.standard_normal(shape)
    return x, torch.from_numpy(x)


@pytest.mark.parametrize("num_heads", [1, 3])
def test_slstm_is_the_original(
    original: SimpleNamespace, fill: Callable[..., Any], num_heads: int
) -> None:
    spec = specs.sLSTM(input_size=5, units=6, num_heads=num_heads)
    cells = original.cells
    config = cells.sLSTMCellConfig(hidden_size=6, num_heads=num_heads, backend="vanilla")
    module = fill(cells.sLSTMCell(config))
    p = dict(spec.initial_parameters(1))
    for rule in (Recurrent("_recurrent_kernel_", False), Biases("_bias_", num_heads, False)):
        p |= rule.to_canonical(arrays(module))
    x, _ = signal(2, STEPS, 5)
    inputs = torch.from_numpy(np.concatenate([x @ p[f"{g}.kernel"] for g in GATES], axis=-1))

    state, last = None, None
    for part in (slice(0, 4), slice(4, STEPS)):
        y, state = run(spec, p, x[:, part], state)
        expected, last = module(inputs[:, part], last)
        close(y, expected.transpose(1, 2).reshape(y.shape))
        for ours, theirs in zip(state, last, strict=True):
            close(ours, theirs)


def test_mlstm_is_the_original(original: SimpleNamespace) -> None:
    spec = specs.mLSTM(input_size=5, units=8, num_heads=2, gate_init="normal")
    p = {name: 3.0 * value for name, value in spec.initial_parameters(1).items()}
    x, _ = signal(2, STEPS, 5)

    def affine(name: str) -> Any:
        return torch.from_numpy(x @ p[f"{name}.kernel"] + p[f"{name}.bias"])

    def by_head(name: str) -> Any:
        return affine(name).reshape(2, STEPS, 2, -1).transpose(1, 2)

    q, k, v, i, f = map(by_head, ("query", "key", "value", "input_gate", "forget_gate"))
    y, state = run(spec, p, x)
    gate = torch.sigmoid(affine("output_gate"))
    whole = original.backends.parallel_stabilized_simple(q, k, v, i, f)
    close(y, gate * whole.transpose(1, 2).reshape(2, STEPS, 8), SINGLE)

    memory = (torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 1), torch.zeros(2, 2, 1, 1))
    memory = tuple(m.double() for m in memory)
    for t in range(STEPS):
        # the step changes the shapes of what it gets
        at = (a[:, :, t : t + 1].clone() for a in (q, k, v, i, f))
        h, memory = original.backends.recurrent_step_stabilized_simple(*memory, *at)
        close(y[:, t], gate[:, t] * h.reshape(2, 8))
    for ours, theirs in zip(state[1:], memory, strict=True):
        close(ours, theirs)


SLSTM_BLOCKS = {
    "usual": {},
    "one head": {"num_heads": 1},
    "no convolution": {"kernel_size": 0},
    "no feed-forward": {"feed_forward": False},
    "others": {"kernel_size": 2, "activation": "silu", "use_bias": True, "hidden_units": 128},
}


def slstm_block(original: SimpleNamespace, spec: specs.sLSTMBlock) -> Any:
    xlstm = original.xlstm
    forward = xlstm.FeedForwardConfig(
        proj_factor=spec.hidden_size / spec.known_input_size(),
        act_fn={"silu": "swish"}.get(spec.activation, spec.activation),
        bias=spec.use_bias,
    )
    layer = xlstm.sLSTMLayerConfig(
        embedding_dim=spec.input_size,
        num_heads=spec.num_heads,
        conv1d_kernel_size=spec.kernel_size,
        backend="vanilla",
    )
    feed_forward = forward if spec.feed_forward else None
    config = xlstm.sLSTMBlockConfig(layer, feed_forward, _num_blocks=1, _block_idx=0)
    return xlstm.sLSTMBlock(config)


@pytest.mark.parametrize("case", SLSTM_BLOCKS)
def test_slstm_block_is_the_original(
    original: SimpleNamespace, fill: Callable[..., Any], case: str
) -> None:
    spec = specs.sLSTMBlock(input_size=8, **SLSTM_BLOCKS[case])
    module = fill(slstm_block(original, spec))
    p = canonical(spec, module, stack_map(spec))
    x, tensor = signal(2, STEPS, 8)
    y, (last, *state) = run(spec, p, x)
    close(y, module(tensor))
    close(last, y[:, -1])
    _, kept = module.xlstm(module.xlstm_norm(tensor), return_last_state=True)
    conv = [kept["conv_state"]] if spec.kernel_size else []
    for ours, theirs in zip(state, [*conv, *kept["slstm_state"]], strict=True):
        close(ours, theirs)


MLSTM_BLOCKS = {
    "usual": {},
    "one head": {"num_heads": 1, "kernel_size": 2},
    "biases": {"use_bias": True},
    "inner size": {"inner_size": 128, "block_size": 8},
}


def mlstm_block(original: SimpleNamespace, spec: specs.mLSTMBlock) -> Any:
    xlstm = original.xlstm
    layer = xlstm.mLSTMLayerConfig(
        conv1d_kernel_size=spec.kernel_size,
        qkv_proj_blocksize=spec.block_size,
        num_heads=spec.num_heads,
        proj_factor=spec.inner / spec.known_input_size(),
        embedding_dim=spec.input_size,
        bias=spec.use_bias,
        context_length=STEPS,
    )
    return xlstm.mLSTMBlock(xlstm.mLSTMBlockConfig(layer, _num_blocks=1, _block_idx=0))


@pytest.mark.parametrize("case", MLSTM_BLOCKS)
def test_mlstm_block_is_the_original(
    original: SimpleNamespace, fill: Callable[..., Any], case: str
) -> None:
    spec = specs.mLSTMBlock(input_size=8, **MLSTM_BLOCKS[case])
    module = fill(mlstm_block(original, spec))
    p = canonical(spec, module, stack_map(spec))
    x, tensor = signal(2, STEPS, 8)
    y, (last, conv, *memory) = run(spec, p, x)
    close(y, module(tensor), SINGLE)
    close(last, y[:, -1])
    state: dict[str, Any] = {}
    for t in range(STEPS):
        expected, state = module.step(tensor[:, t : t + 1], **state)
        close(y[:, t], expected[:, 0])
    # the package keeps the last input of the convolution's window too
    close(conv, state["conv_state"][0][:, 1:])
    for ours, theirs in zip(memory, state["mlstm_state"], strict=True):
        close(ours, theirs)


def stack_config(original: SimpleNamespace, spec: Any, size: int, **more: Any) -> dict[str, Any]:
    xlstm = original.xlstm
    slstm = xlstm.sLSTMBlockConfig(
        slstm=xlstm.sLSTMLayerConfig(num_heads=spec.num_heads, backend="vanilla"),
        feedforward=xlstm.FeedForwardConfig(),
    )
    mlstm = xlstm.mLSTMBlockConfig(mlstm=xlstm.mLSTMLayerConfig(num_heads=spec.num_heads))
    return {
        "mlstm_block": mlstm,
        "slstm_block": slstm,
        "context_length": STEPS,
        "num_blocks": spec.num_blocks,
        "embedding_dim": size,
        "add_post_blocks_norm": spec.final_norm,
        "bias": spec.use_bias,
        "slstm_at": [*spec.slstm_at],
        **more,
    }


def states_of(spec: Any, kept: dict[str, Any]) -> list[Any]:
    """The package's state after steps, in the order of ours."""
    found = []
    for i in range(spec.num_blocks):
        of_block = kept[f"block_{i}"]
        found.append(of_block["conv_state"][0][:, 1:])
        found += [*of_block["slstm_state" if i in spec.slstm_at else "mlstm_state"]]
    return found


@pytest.mark.parametrize("options", [{"slstm_at": (1,)}, {"use_bias": True, "final_norm": False}])
def test_stack_is_the_original(
    original: SimpleNamespace, fill: Callable[..., Any], options: dict[str, Any]
) -> None:
    spec = specs.xLSTMBlockStack(input_size=8, num_blocks=3, **options)
    xlstm = original.xlstm
    config = xlstm.xLSTMBlockStackConfig(**stack_config(original, spec, 8))
    module = fill(xlstm.xLSTMBlockStack(config))
    p = canonical(spec, module, stack_map(spec))
    x, tensor = signal(2, STEPS, 8)
    y, state = run(spec, p, x)
    close(y, module(tensor), SINGLE)
    kept: dict[str, Any] = {}
    for t in range(STEPS):
        expected, kept = module.step(tensor[:, t : t + 1], kept)
        close(y[:, t], expected[:, 0])
    for ours, theirs in zip(state[1:], states_of(spec, kept), strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("tie_weights", [False, True])
def test_language_model_is_the_original(
    original: SimpleNamespace, fill: Callable[..., Any], tie_weights: bool
) -> None:
    spec = specs.xLSTMLM(
        vocab_size=11, units=8, num_blocks=2, slstm_at=(0,), num_heads=2, tie_weights=tie_weights
    )
    xlstm = original.xlstm
    options = stack_config(original, spec, 8, vocab_size=11, tie_weights=tie_weights)
    module = fill(xlstm.xLSTMLMModel(xlstm.xLSTMLMModelConfig(**options)))
    given = arrays(module)
    if tie_weights:
        del given["lm_head.weight"]
    p = stack_map(spec).to_canonical(given)
    assert set(stack_map(spec).to_native(p)) == set(given)
    tokens = spec.draw(RNG, (2, STEPS))
    y, _ = run(spec, p, tokens)
    close(y, module(torch.from_numpy(tokens)), SINGLE)


LARGE = {
    "usual": {},
    "biases": {"use_bias": True, "num_heads": 2},
    "sizes": {"key_size": 8, "value_size": 32, "hidden_units": 128, "final_norm": False},
    "caps": {"gate_soft_cap": 2.0, "logit_soft_cap": 3.0},
}


def large(original: SimpleNamespace, spec: specs.xLSTMLarge, **backend: str) -> Any:
    block = spec.blocks[0]
    kernels = {
        "chunkwise_kernel": "chunkwise--native_autograd",
        "sequence_kernel": "native_sequence__native",
        "step_kernel": "native",
    }
    config = original.large.xLSTMLargeConfig(
        embedding_dim=spec.units,
        num_heads=spec.num_heads,
        num_blocks=spec.num_blocks,
        vocab_size=spec.vocab_size,
        use_bias=spec.use_bias,
        norm_eps=spec.epsilon,
        norm_reduction_force_float32=False,
        add_out_norm=spec.final_norm,
        qk_dim_factor=block.key_units / spec.units,
        v_dim_factor=block.value_units / spec.units,
        ffn_proj_factor=block.hidden_size / spec.units,
        gate_soft_cap=spec.gate_soft_cap,
        output_logit_soft_cap=spec.logit_soft_cap,
        mode="inference",
        return_last_states=True,
        chunk_size=4,
        autocast_kernel_dtype="float32",
        inference_state_dtype="float32",
        **{**kernels, **backend},
    )
    return original.large.xLSTMLarge(config)


@pytest.mark.parametrize("case", LARGE)
def test_large_is_the_original(
    original: SimpleNamespace, fill: Callable[..., Any], case: str
) -> None:
    spec = specs.xLSTMLarge(
        **{"vocab_size": 11, "units": 16, "num_blocks": 2, "num_heads": 4, **LARGE[case]}
    )
    module = fill(large(original, spec))
    p = canonical(spec, module, large_map(spec))
    tokens = spec.draw(RNG, (2, STEPS))
    y, (_, *state) = run(spec, p, tokens)
    expected, kept = module(torch.from_numpy(tokens))
    close(y, expected, SINGLE)
    # there the queries are divided by √dk, here the keys are
    root = math.sqrt(spec.blocks[0].key_dim)
    for i in range(spec.num_blocks):
        C, n, m = state[3 * i : 3 * i + 3]
        for ours, theirs in zip((root * C, root * n, m), kept[i], strict=True):
            close(ours, theirs, SINGLE)

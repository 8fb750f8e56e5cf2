"""Models that the package xlstm saved compute here what they compute there."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps_xlstm.checkpoints import BlockStack

SINGLE = TOLERANCES["float32"].values
RNG = np.random.default_rng(0)
STEPS = 9


def stack_of(original: SimpleNamespace, **more: Any) -> Any:
    xlstm = original.xlstm
    slstm = xlstm.sLSTMBlockConfig(
        slstm=xlstm.sLSTMLayerConfig(num_heads=2, backend="vanilla"),
        feedforward=xlstm.FeedForwardConfig(),
    )
    mlstm = xlstm.mLSTMBlockConfig(mlstm=xlstm.mLSTMLayerConfig(num_heads=4))
    options = {"context_length": STEPS, "num_blocks": 3, "embedding_dim": 8, "slstm_at": [1]}
    options |= {"mlstm_block": mlstm, "slstm_block": slstm, "vocab_size": 11}
    return xlstm.xLSTMLMModel(xlstm.xLSTMLMModelConfig(**{**options, **more}))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("tied", [False, True])
def test_language_model_that_the_package_saved(
    original: SimpleNamespace,
    fill: Callable[..., Any],
    tmp_path: Path,
    suffix: str,
    tied: bool,
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_tensors

    module, file = fill(stack_of(original, tie_weights=tied)), tmp_path / f"lm{suffix}"
    state = module.state_dict()
    if suffix == ".pt":
        torch.save({"state_dict": state, "epoch": 3}, file)
    else:
        save_tensors({n: t.clone() for n, t in state.items()}, file)
    assert BlockStack.recognises(file)
    layer = ncps.from_pretrained(file, technology="numpy")
    assert layer.spec.tie_weights is tied
    assert [b.num_heads for b in layer.spec.blocks] == [4, 2, 4]
    tokens = layer.spec.draw(RNG, (2, STEPS))
    y, _ = layer(tokens)
    np.testing.assert_allclose(y, module(torch.from_numpy(tokens)).detach(), **SINGLE)


def test_weights_of_the_cuda_back_end(
    original: SimpleNamespace, fill: Callable[..., Any], tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    module = fill(stack_of(original))
    cell = module.xlstm_block_stack.blocks[1].xlstm.slstm_cell
    config = original.cells.sLSTMCellConfig(hidden_size=8, num_heads=2, backend="cuda")
    other = original.cells.sLSTMCell_cuda(config, skip_backend_init=True)
    state, place = module.state_dict(), "xlstm_block_stack.blocks.1.xlstm.slstm_cell."
    kernel, bias = cell._recurrent_kernel_.data, cell._bias_.data
    state[f"{place}_recurrent_kernel_"] = other._recurrent_kernel_ext2int(
        cell._recurrent_kernel_int2ext(kernel)
    )
    state[f"{place}_bias_"] = other._bias_ext2int(cell._bias_int2ext(bias))
    torch.save(state, tmp_path / "cuda.pt")
    layer = ncps.from_pretrained(tmp_path / "cuda.pt", technology="numpy")
    tokens = layer.spec.draw(RNG, (2, STEPS))
    y, _ = layer(tokens)
    np.testing.assert_allclose(y, module(torch.from_numpy(tokens)).detach(), **SINGLE)


@pytest.mark.parametrize("fused", [False, True])
def test_large_model_that_the_package_saved(
    original: SimpleNamespace, fill: Callable[..., Any], tmp_path: Path, fused: bool
) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_tensors

    config = original.large.xLSTMLargeConfig(
        embedding_dim=16,
        num_heads=2,
        num_blocks=2,
        vocab_size=11,
        use_bias=True,
        norm_eps=1e-3,
        norm_reduction_force_float32=False,
        gate_soft_cap=5.0,
        output_logit_soft_cap=4.0,
        chunkwise_kernel="chunkwise--native_autograd",
        sequence_kernel="native_sequence__native",
        step_kernel="native",
        mode="inference",
        chunk_size=4,
        autocast_kernel_dtype="float32",
        return_last_states=True,
    )
    module = fill(original.large.xLSTMLarge(config))
    state = {name: t.clone() for name, t in module.state_dict().items()}
    if fused:
        utils = importlib.import_module("xlstm.xlstm_large.utils")
        state = utils.convert_single_weights_to_fused_weights(state)
    save_tensors(state, tmp_path / "model_0.safetensors")
    lines = [f"{n}: {json.dumps(value)}" for n, value in dataclasses.asdict(config).items()]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    layer = ncps.from_pretrained(tmp_path, technology="numpy")
    tokens = layer.spec.draw(RNG, (2, STEPS))
    y, _ = layer(tokens)
    expected, _ = module(torch.from_numpy(tokens))
    np.testing.assert_allclose(y, expected.detach(), **SINGLE)

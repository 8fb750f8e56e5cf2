"""The package's modules with the call of ours: ``y, state = layer(x, state, timespans, mask)``.

The package's module is the layer's `original`: its own ``state_dict`` and options are there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.canonical import Inside, ParameterMap
from ncps.errors import SpecError
from ncps.specs import Spec
from ncps_xlstm.layouts import large_map, stack_map
from ncps_xlstm.original._modules import make
from ncps_xlstm.original._run import RUN, whole_mlstm_block
from ncps_xlstm.original.supports import why_not
from ncps_xlstm.specs import xLSTMLarge as xLSTMLargeSpec
from ncps_xlstm.specs import xLSTMLargeBlock as xLSTMLargeBlockSpec
from ncps_xlstm.torch import layers, ops
from ncps_xlstm.torch.layers._base import Sequence

States = tuple[Tensor, ...]


class Original(Sequence):
    """A layer whose computation is a module of the package."""

    original: Any

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        large = isinstance(spec, (xLSTMLargeSpec, xLSTMLargeBlockSpec))
        return ParameterMap((Inside("original.", "", (large_map if large else stack_map)(spec)),))

    def _structure(self, spec: Any) -> None:
        reason = why_not(spec)
        if reason is not None:
            raise SpecError(f"the package xlstm has no module for this {spec.layer}: {reason}.")
        self.original = make(spec)
        if getattr(spec, "tie_weights", False):
            # one tensor under two names: the second name comes once the tensor is there
            self.original.lm_head = nn.Identity()

    def _constants(self, spec: Any) -> None:
        """A module for the true sizes, with the parameters that are there."""
        with torch.device("meta"):
            made: Any = make(spec, self.dtype == "float64")
        for name, parameter in self.original.named_parameters():
            path, _, leaf = name.rpartition(".")
            setattr(made.get_submodule(path), leaf, parameter)
        if getattr(spec, "tie_weights", False):
            made.lm_head.weight = made.token_embedding.weight
        self.original = made.train(self.training)

    def _blocks(self) -> list[tuple[Any, Any]]:
        """The package's blocks, each with its spec."""
        return [(self.spec, self.original)]

    def _after(self, x: Tensor) -> Tensor:
        """What comes after them."""
        return x

    def scan(
        self, x: Tensor, initial: States, times: Any, everything: bool
    ) -> tuple[Tensor, States]:
        """Run a plain layer on x (B, T, D): y after every step or of the last state; the states."""
        before, *kept = initial
        if x.shape[1] == 0:
            return (before[:, None][:, :0] if everything else before), initial
        with ops.without_autocast(x.device):
            steps, states = times.steps, tuple(s.to(x.dtype) for s in kept)
            x = x if steps is None else steps.gather(x)
            if not self.spec.return_state and _empty(states):
                y, _ = self._run_blocks(x, states, whole=True)
            elif steps is None:
                y, states = self._run_blocks(x, states)
            else:
                y, states = self._to_each_end(x, states, steps.lengths)
            y = self._after(y)
            if steps is not None:
                y = steps.spread(before.to(y.dtype), y)
        last = y[:, -1].clone()
        new = (s.to(k.dtype) for s, k in zip(states, kept, strict=True))
        return (y if everything else last), (last, *new)

    def _run_blocks(self, x: Tensor, states: States, whole: bool = False) -> tuple[Tensor, States]:
        """All blocks; with `whole` y alone counts, and the state is the empty one."""
        if len(x) == 1 and any(_lone(spec) for spec, _ in self._blocks()):
            # torch's group norm refuses one row of one step where heads have one feature
            y, new = self._run_blocks(
                torch.cat((x, x)), tuple(torch.cat((s, s)) for s in states), whole
            )
            return y[:1], tuple(s[:1] for s in new)
        rest, after = list(states), list[Tensor]()
        for spec, block in self._blocks():
            size = len(spec.state_shapes()) - 1
            own, rest = tuple(rest[:size]), rest[size:]
            if whole and spec.layer == "mLSTMBlock":
                x = whole_mlstm_block(block, x)
            else:
                x, new = RUN[spec.layer](spec, block, x, own)
                after += new
        return x, tuple(after)

    def _to_each_end(self, x: Tensor, states: States, lengths: Tensor) -> tuple[Tensor, States]:
        """Step by step: a row keeps the state of its last real step."""
        outputs = []
        for t in range(x.shape[1]):
            y, new = self._run_blocks(x[:, t : t + 1], states)
            real = lengths > t
            states = tuple(
                torch.where(real.reshape(-1, *[1] * (s.dim() - 1)), a, s)
                for a, s in zip(new, states, strict=True)
            )
            outputs.append(y)
        return torch.cat(outputs, dim=1), states


def _lone(spec: Any) -> bool:
    """Whether a block's group norm has heads of one feature."""
    size = getattr(spec, "inner", spec.input_size)
    return spec.layer != "xLSTMLargeBlock" and bool(size == spec.num_heads)


def _empty(states: States) -> bool:
    """Whether the state is that of no step, and nobody asks for its gradient."""
    return not any(s.requires_grad or bool(s.any()) for s in states)


class sLSTMBlock(Original):
    """The package's sLSTMBlock; see `ncps_xlstm.specs.sLSTMBlock`."""


class mLSTMBlock(Original):
    """The package's mLSTMBlock; see `ncps_xlstm.specs.mLSTMBlock`.

    It runs step by step, which is how the package hands on a state; in its parallel form where
    neither a state is given nor one is wanted (``return_state=False``).
    """


class xLSTMLargeBlock(Original):
    """The package's mLSTMBlock of xLSTM Large; see `ncps_xlstm.specs.xLSTMLargeBlock`."""


class xLSTMBlockStack(Original):
    """The package's xLSTMBlockStack; see `ncps_xlstm.specs.xLSTMBlockStack` and `mLSTMBlock`."""

    sizes = ("input_size", "num_blocks")

    def _blocks(self) -> list[tuple[Any, Any]]:
        return list(zip(self.spec.blocks, self.original.blocks, strict=True))

    def _after(self, x: Tensor) -> Tensor:
        y: Tensor = self.original.post_blocks_norm(x)
        return y


class xLSTMLM(Original, layers.xLSTMLM):
    """The package's xLSTMLMModel; see `ncps_xlstm.specs.xLSTMLM`."""

    @property
    def embedding(self) -> nn.Module:  # type: ignore[override]
        """The table of tokens."""
        table: nn.Module = self.original.token_embedding
        return table

    @property
    def dropout(self) -> nn.Module:  # type: ignore[override]
        """What drops parts of the vectors of tokens."""
        drop: nn.Module = self.original.emb_dropout
        return drop

    def _blocks(self) -> list[tuple[Any, Any]]:
        return list(zip(self.spec.blocks, self.original.xlstm_block_stack.blocks, strict=True))

    def _after(self, x: Tensor) -> Tensor:
        y: Tensor = self.original.lm_head(self.original.xlstm_block_stack.post_blocks_norm(x))
        return y


class xLSTMLarge(Original, layers.xLSTMLarge):
    """The package's xLSTMLarge, on its native kernels; see `ncps_xlstm.specs.xLSTMLarge`."""

    @property
    def embedding(self) -> nn.Module:  # type: ignore[override]
        """The table of tokens."""
        table: nn.Module = self.original.embedding
        return table

    @property
    def dropout(self) -> nn.Module:  # type: ignore[override]
        """The package drops nothing there."""
        return nn.Identity()

    def _blocks(self) -> list[tuple[Any, Any]]:
        return list(zip(self.spec.blocks, self.original.backbone.blocks, strict=True))

    def _after(self, x: Tensor) -> Tensor:
        y: Tensor = self.original.lm_head(self.original.backbone.out_norm(x))
        cap = self.spec.logit_soft_cap
        return y if cap is None else cap * torch.tanh(y / cap)

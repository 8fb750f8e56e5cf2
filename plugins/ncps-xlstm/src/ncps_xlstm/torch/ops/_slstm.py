"""The sLSTM over a sequence: its preactivations laid out for the kernel, and masks."""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_xlstm.torch import kernels
from ncps_xlstm.torch.ops._behind import Behind
from ncps_xlstm.torch.ops._host import in_transform, wants_gradient, without_autocast

States = tuple[Tensor, ...]


def slstm(
    gates: tuple[Tensor, ...],
    recurrent: tuple[Tensor, ...],
    states: States,
    behind: Behind | None,
) -> tuple[Tensor, States]:
    """h (B, T, H) after every step, and the last (h, c, n, m), each (B, H).

    `gates` are what x gives of ĩ, f̃, z̃, õ (B, T, H); `recurrent` their R (NH, d, d).
    """
    with without_autocast(gates[0].device):
        dtype = states[1].dtype
        gates, recurrent, initial = (
            tuple(kernels.cast(t, dtype) for t in ts) for ts in (gates, recurrent, states)
        )
        run = _one_step if gates[0].shape[1] == 1 else _sequence
        h, (c, n, m) = run(gates, recurrent, kernels.ScalarState(*initial), behind)
    if behind is None:
        return h, (h[:, -1].clone(), c, n, m)
    end = h.gather(1, (behind.lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, h.shape[2]))
    new = (end[:, 0], c, n, m)
    # a row without a real step has run one that does not count
    none = behind.empty[:, None]
    return h, tuple(torch.where(none, s.to(a.dtype), a) for a, s in zip(new, states, strict=True))


def _one_step(
    gates: States, recurrent: States, state: kernels.ScalarState, behind: Behind | None
) -> tuple[Tensor, States]:
    """h (B, 1, H) and c, n, m (B, H); the first step runs in every row, whatever is behind it."""
    if in_transform() or wants_gradient((*gates, *recurrent, *state)):
        return _sequence(gates, recurrent, state, behind)
    h, *rest = kernels.slstm_step_forward([g[:, 0] for g in gates], recurrent, state)
    return h[:, None], tuple(rest)


def _sequence(
    gates: States, recurrent: States, state: kernels.ScalarState, behind: Behind | None
) -> tuple[Tensor, States]:
    heads = recurrent[0].shape[0]
    g = torch.stack([_by_head(gate, heads) for gate in gates], dim=2)
    if behind is not None:
        g = _stopped(g, behind)
    # a single step has no loop to save
    plain = in_transform() or g.shape[1] == 1
    run = kernels.slstm_plain if plain else kernels.slstm_scan
    initial = kernels.ScalarState(*(_by_head(s, heads) for s in state))
    h, last = run(g, torch.stack(recurrent, dim=2), initial)
    return h.flatten(2), tuple(s.flatten(1) for s in last[1:])


def _stopped(g: Tensor, behind: Behind) -> Tensor:
    """g (B, T, 4, NH, d) whose gates keep the state behind the real steps: i = -∞, f = ∞."""
    mask = behind.mask.clone()
    # the first step runs in every row: an empty state that nothing enters has no h
    mask[:, 0] = False
    i, f, *rest = g.unbind(2)
    mask = mask[..., None, None]
    i, f = i.masked_fill(mask, -torch.inf), f.masked_fill(mask, torch.inf)
    return torch.stack([i, f, *rest], dim=2)


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(…, NH·d) → (…, NH, d)."""
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)

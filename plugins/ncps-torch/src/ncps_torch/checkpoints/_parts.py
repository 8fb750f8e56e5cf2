"""Which tensors of a state dict belong to which layer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ncps.errors import FileFormatError, unknown
from ncps_torch.checkpoints._files import Arrays


@dataclass(frozen=True)
class Part:
    """One layer: its prefix in the state dict, its class, and its arrays by their native names."""

    prefix: str
    layer: str
    arrays: Arrays


_AFFINE = r"\.(?:weight|bias)"
_CFC = rf"(?:(?:backbone\.\d+|ff1|ff2|time_a|time_b){_AFFINE}|w_tau|A|sparsity_mask)"
_CFC = rf"(?:layer_\d+\.)?{_CFC}"
_LTC = r"(?:gleak|vleak|cm|(?:sensory_)?(?:sigma|mu|w|erev|sparsity_mask)|(?:in|out)put_[wb])"
_MEMORY = rf"lstm\.(?:input_map{_AFFINE}|recurrent_map\.weight)"
# layer, the name that shows where one is, the names that it has; a sequence has a cell inside
_KINDS = (
    ("CfC", r"rnn_cell\.(?:layer_0\.)?ff1\.weight", rf"rnn_cell\.{_CFC}|{_MEMORY}|fc{_AFFINE}"),
    ("LTC", r"rnn_cell\.sensory_erev", rf"rnn_cell\.{_LTC}|{_MEMORY}"),
    ("CfCCell", r"layer_0\.ff1\.weight", rf"{_CFC}|{_MEMORY}"),
    ("CfCCell", r"ff1\.weight", rf"{_CFC}|{_MEMORY}"),
    ("LTCCell", r"sensory_erev", rf"{_LTC}|{_MEMORY}"),
)


def find_parts(arrays: Arrays, prefix: str | None) -> list[Part]:
    """The layers in a state dict, or in that part of it whose names start with `prefix`.

    Raises: UnknownNameError for a prefix that is not there; FileFormatError when a name belongs
    to no layer that is known.
    """
    inside = arrays if not prefix else _within(arrays, prefix)
    rest = dict(inside)
    parts = [part for kind in _KINDS for part in _take(rest, *kind)]
    parts += _take_affine(rest)
    if rest or not any(part.layer != "Dense" for part in parts):
        known = ", ".join(f"{p.prefix!r} ({p.layer})" for p in parts) or "none"
        what = f"also got {', '.join(rest)}" if rest else "got no liquid layer"
        raise FileFormatError(
            "expected the state dict of layers of ncps 1.0.1, with nn.Linear beside them at most, "
            f"{what}. Layers found under: {known}. Pass prefix= to read one of them."
        )
    order = list(inside)
    return sorted(parts, key=lambda p: min(map(order.index, _full_names(p))))


def _within(arrays: Arrays, prefix: str) -> Arrays:
    start = prefix.removesuffix(".") + "."
    inside = {name: a for name, a in arrays.items() if name.startswith(start)}
    if not inside:
        depth = start.count(".")
        raise unknown("prefix", prefix, {".".join(n.split(".")[:-1][:depth]) for n in arrays})
    return inside


def _take(rest: Arrays, layer: str, mark: str, names: str) -> Iterator[Part]:
    """Each layer of one kind, its arrays moved out of `rest`."""
    place = re.compile(rf"((?:.*\.)?){mark}")
    for start in [found[1] for name in list(rest) if (found := place.fullmatch(name))]:
        own = re.compile(re.escape(start) + f"(?:{names})")
        taken = [name for name in rest if own.fullmatch(name)]
        if taken:
            arrays = {name.removeprefix(start): rest.pop(name) for name in taken}
            yield Part(start.removesuffix("."), layer, arrays)


def _take_affine(rest: Arrays) -> Iterator[Part]:
    """Each weight (out, in) with a bias (out), moved out of `rest`."""
    for name in [n for n in rest if re.fullmatch(r"(?:.*\.)?weight", n)]:
        start = name.removesuffix("weight")
        weight, bias = rest[name], rest.get(f"{start}bias")
        if weight.ndim == 2 and bias is not None and bias.shape == weight.shape[:1]:
            arrays = {n: rest.pop(start + n) for n in ("weight", "bias")}
            yield Part(start.removesuffix("."), "Dense", arrays)


def _full_names(part: Part) -> list[str]:
    start = f"{part.prefix}." if part.prefix else ""
    return [start + name for name in part.arrays]

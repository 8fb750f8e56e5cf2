"""A sequence layer over a cell, whoever wrote it."""

from __future__ import annotations

from typing import Any

from ncps import registry, specs
from ncps.canonical import Layer, describe, load_parameters, natives_of, parameters
from ncps.conversion import has_own_code
from ncps.errors import SpecError
from ncps.specs import Spec


def RecurrentOver(
    cell: Any, *, reverse_cell: Any = None, return_sequences: bool = True, return_state: bool = True
) -> Any:
    """A module of the cell's framework that runs a cell over a sequence.

    ``y, state = layer(x, state=None, timespans=None, mask=None, timestamps=None)``, as every
    sequence layer: x (B, T, D) or (T, D), masked steps keep the state and repeat the output (zeros
    before the first real step), `return_sequences` and `return_state`. With `reverse_cell`, which
    runs backwards in time, y has both outputs side by side and the state is a pair.

    The cell is a module called ``y, state = cell(x, state)`` on x (B, D); a cell with a parameter
    `timespans` gets Δt (B, 1) under that name. A state is an array or a tuple or list of such,
    batch first; the first is what the cell's `get_initial_state(batch_size)` gives, else None,
    which must mean zeros.

    A cell of ncps, or of the framework itself, gives the sequence layer of its kind, with a copy of
    its parameters, and that can be converted and saved. Any other cell is code, and cannot.

    Raises: SpecError when it is no cell, or not of a framework whose plugin is here.
    """
    options = {"return_sequences": return_sequences, "return_state": return_state}
    known = [_cell_spec(one) for one in (cell, reverse_cell) if one is not None]
    if all(spec is not None for spec in known):
        return _ours(cell, reverse_cell, options)
    natives = natives_of(cell)
    if natives is None:
        raise SpecError(
            f"RecurrentOver expected a cell that is a module of torch, MLX or Keras, got "
            f"{type(cell).__name__}. Make it one: y, state = cell(x, state)."
        )
    return registry.recurrence(natives.framework)(cell, reverse_cell=reverse_cell, **options)


def _cell_spec(cell: Any) -> Spec | None:
    """The spec of a cell of ncps or of a framework; None for code of someone else's."""
    if isinstance(cell, Layer):
        spec = None if has_own_code(cell) else cell.spec
    else:
        leaf = None if natives_of(cell) is None else describe(cell)
        spec = None if leaf is None else leaf.spec
    if spec is not None and spec.kind != "cell":
        raise SpecError(
            f"RecurrentOver expected a cell, one step, got {spec.layer}. A sequence layer needs "
            "none around it."
        )
    return spec


def _ours(cell: Any, reverse_cell: Any, options: dict[str, bool]) -> Any:
    """The sequence layer of a cell's kind, or both directions of it."""
    spec, where = _sequence(cell, options), _place(cell)
    if reverse_cell is None:
        return _filled(spec, where, _values(cell))
    other = _sequence(reverse_cell, options)
    if other != spec:
        raise SpecError(
            f"RecurrentOver expected cells of one kind for both directions, got {spec} and {other}."
        )
    both = specs.Bidirectional(inner=spec, return_state=options["return_state"])
    values = {"forward": _values(cell), "reverse": _values(reverse_cell)}
    named = {f"{way}.{n}": a for way, arrays in values.items() for n, a in arrays.items()}
    return _filled(both, where, named)


def _sequence(cell: Any, options: dict[str, bool]) -> Spec:
    spec = _cell_spec(cell)
    assert spec is not None, "asked for known cells only"
    config = {**spec.to_config(), **options, "layer": spec.layer.removesuffix("Cell")}
    return specs.from_config(config)


def _place(cell: Any) -> dict[str, Any]:
    provider = registry.provider_of(cell) if isinstance(cell, Layer) else None
    if provider is not None:
        place = {"technology": provider.technology, "framework": provider.framework}
        return {**place, "dtype": cell.dtype}
    natives = natives_of(cell)
    assert natives is not None, "a cell without a provider is the framework's own"
    return {"framework": natives.framework, "dtype": natives.dtype(cell)}


def _values(cell: Any) -> dict[str, Any]:
    if isinstance(cell, Layer):
        return parameters(cell) if cell.built else {}
    leaf = describe(cell)
    assert leaf is not None, "asked for known cells only"
    return dict(leaf.parameters)


def _filled(spec: Spec, place: dict[str, Any], values: dict[str, Any]) -> Any:
    made = registry.create(spec, **place)
    if values:
        load_parameters(made, values)
    return made

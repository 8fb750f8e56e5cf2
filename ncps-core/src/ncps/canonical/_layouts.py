"""Native names and shapes of a technology, without a layer: its parameter map, looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ncps.canonical._maps import ParameterMap
from ncps.canonical._parameters import check_parameters
from ncps.errors import ConversionError, ParameterError, PluginError
from ncps.specs import Spec

Array = npt.NDArray[Any]


class Layout(NamedTuple):
    """The technology and framework whose native arrays are meant; by default canonical ones.

    `own` means the framework's own layer as it stands, such as `torch.nn.GRU`.
    """

    technology: str = "numpy"
    framework: str = "numpy"
    own: bool = False

    def __str__(self) -> str:
        return f"{self.framework} itself" if self.own else f"{self.technology} on {self.framework}"


def layout_of(
    spec: Spec,
    technology: str | None = None,
    framework: str | None = None,
    device: Any = None,
    *,
    own: bool = False,
) -> Layout:
    """The layout of the layer that `ncps.create` would make.

    With `own`, that of the framework's own layer, if it has one and no technology was named beside
    the framework.

    Raises: as `ncps.create`.
    """
    from ncps.registry import select

    found = select(spec.layer, technology=technology, framework=framework, device=device, spec=spec)
    layout = Layout(found.technology, found.framework)
    if not own or technology not in (None, found.framework):
        return layout
    try:
        _map(layout._replace(own=True), spec)
    except (ConversionError, PluginError):  # the framework has none, or nobody reads its modules
        return layout
    return layout._replace(own=True)


def to_native(values: Mapping[str, Any], layout: Layout, spec: Spec) -> dict[str, Array]:
    """Native arrays of a layer with this spec, from canonical ones.

    Raises: ParameterError naming every value that is missing, unknown, misshapen or no float.
    """
    return _map(layout, spec).to_native(check_parameters(spec, values))


def to_canonical(values: Mapping[str, Any], layout: Layout, spec: Spec) -> dict[str, Array]:
    """Canonical parameters from the native arrays of a layer with this spec.

    Arrays in nested dicts and lists, as MLX gives them, count under their joined names.

    Raises: ParameterError naming every array that is missing, unknown, misshapen or no float.
    """
    from ncps.registry import arrays as adapter

    numpy = adapter(layout.framework).numpy
    arrays = {n: v if isinstance(v, np.ndarray) else numpy(v) for n, v in _flat(values, "")}
    rules = _map(layout, spec)
    like = rules.to_native(dict(spec.initial_parameters(0)))
    _check(arrays, {n: a.shape for n, a in like.items()}, f"{spec.layer} of {layout}")
    found = check_parameters(spec, rules.to_canonical(arrays))
    return {p.name: found[p.name] for p in spec.parameters()}


def _flat(values: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(values, (Mapping, list)):
        parts = values.items() if isinstance(values, Mapping) else enumerate(values)
        for name, part in parts:
            yield from _flat(part, f"{path}.{name}" if path else str(name))
    else:
        yield path, values


def _map(layout: Layout, spec: Spec) -> ParameterMap:
    from ncps.registry import load, natives, select

    rules: ParameterMap
    if layout.own:
        rules = natives(layout.framework).parameter_map(spec)
        return rules
    provider = select(
        spec.layer, technology=layout.technology, framework=layout.framework, spec=spec
    )
    make_map = getattr(load(provider), "parameter_map", None)
    if make_map is None:
        raise PluginError(
            f"{provider} expected a layer class with parameter_map for {spec.layer}, got "
            f"{provider.target}, which has none. Convert a layer that it made instead."
        )
    rules = make_map(spec)
    return rules


def _check(arrays: Mapping[str, Array], expected: Mapping[str, Any], what: str) -> None:
    problems = [f"missing: {n} {s}" for n, s in expected.items() if n not in arrays]
    problems += [f"unknown: {name}" for name in arrays if name not in expected]
    problems += [
        f"wrong shape: {name} expected {shape}, got {arrays[name].shape}"
        for name, shape in expected.items()
        if name in arrays and arrays[name].shape != shape
    ]
    if problems:
        listing = "\n  ".join(problems)
        raise ParameterError(f"expected the arrays of {what}, got others:\n  {listing}")

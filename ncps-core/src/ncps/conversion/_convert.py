"""A layer or model of one technology becomes one of another that computes the same function."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

from ncps import registry, specs
from ncps.canonical import (
    Leaf,
    Natives,
    children,
    describe,
    fill,
    joined,
    layout_of,
    leaves,
    located,
    make,
    natives_of,
    saved,
    with_parameters,
)
from ncps.conversion._compare import compare
from ncps.errors import ConversionError

_CALLS = {"__call__", "call", "forward"}

_log = logging.getLogger("ncps.conversion")


def convert(
    model: Any,
    technology: str | None = None,
    framework: str | None = None,
    *,
    into: Any = None,
    device: Any = None,
    dtype: str | None = None,
    verify: bool = True,
) -> Any:
    """A new model in another technology that computes the same; the given one is left as it is.

    A layer of ncps becomes what `ncps.create` makes. A framework's own layer becomes the other
    framework's own; where it has none, where it stands in a sequential and returns something else
    there, and where a technology is named beside the framework, it becomes a layer of ncps too.
    It takes x as its framework has it: torch's own convolutions and pools take channels first, all
    others take them last. Containers
    (`torch.nn.Sequential`, dicts, lists, …) become containers of converted parts. The code of a
    class of yours cannot be converted: make such a model in the other framework and pass it as
    `into`; its layers, which must mean the same under the same paths, get the parameters, and it
    is returned.

    `dtype` defaults to that of each layer. With `verify` each pair of layers runs on a fixed
    random sequence, and every step's output and states must agree as far as the coarser dtype
    allows; the largest difference goes to the log (``ncps.conversion``, level INFO), and
    `ncps.compare` shows it.

    Raises: ConversionError when the model cannot be said in the technology, or computes something
    else there; BuildError when a layer is not built; as `ncps.create` for the names.
    """
    place = {"technology": technology, "framework": framework, "device": device}
    if into is None:
        return _Conversion(place, dtype, verify).of(model, "")
    given = [name for name, value in {**place, "dtype": dtype}.items() if value is not None]
    if given:
        raise ConversionError(
            f"convert expected either into= or {given[0]}=, got both. A model given as into says "
            "itself where its layers are."
        )
    return _filled(into, model, verify)


@dataclass
class _Conversion:
    """One call of `convert`: where to, and what became of the parts so far."""

    place: Mapping[str, Any]
    dtype: str | None
    verify: bool
    done: dict[int, tuple[Any, Any]] = field(default_factory=dict)

    def of(self, part: Any, path: str, around: Natives | None = None, chained: bool = False) -> Any:
        """The converted part; a part that stands in two places stays one part.

        `chained` says that the next part of a sequential reads its result.
        """
        if id(part) not in self.done:
            with located(path):
                # with the part itself, so that no other gets its id meanwhile
                self.done[id(part)] = part, self._new(part, path, around, chained)
        return self.done[id(part)][1]

    def _new(self, part: Any, path: str, around: Natives | None, chained: bool) -> Any:
        leaf = describe(part)
        if leaf is not None:
            return self._layer(leaf, path, chained)
        own = natives_of(part)
        source = own or around
        function = None if source is None else source.function(part)
        if function is not None:
            return self._modules(type(part)).make_function(function)
        inside = children(part)
        kind = None if own is None else own.kind(part)
        chain = kind == "sequential"
        parts = {n: self.of(p, joined(path, n), source, chain) for n, p in inside.items()}
        if own is None:
            return parts if isinstance(part, Mapping) else list(parts.values())
        if kind is None:
            raise ConversionError(f"expected layers and containers, got {_unwritten(part)}")
        return self._modules(type(part)).assemble(kind, parts)

    def _layer(self, leaf: Leaf, path: str, chained: bool) -> Any:
        if leaf.natives is None and has_own_code(leaf.module):
            raise ConversionError(f"expected a {leaf.spec.layer}, got {_unwritten(leaf.module)}")
        made = self._own(leaf, chained)
        if made is None:
            made = make(saved(leaf), dtype=self.dtype, **self.place)
        if self.verify:
            _verify(leaf.module, made, path)
        return made

    def _own(self, leaf: Leaf, chained: bool) -> Any:
        """The framework's own layer; None when a layer of ncps is wanted.

        So it is in a chain where the own layer gives something else to the next one, such as its
        states beside y.
        """
        layout = layout_of(leaf.spec, **self.place, own=leaf.natives is not None)
        if not layout.own:
            return None
        natives = registry.natives(layout.framework)
        dtype, device = self.dtype or leaf.dtype, self.place["device"]
        made = natives.make(leaf.spec, leaf.parameters, dtype=dtype, device=device)
        if not chained:
            return made
        found = natives.describe(made)
        return made if found is not None and found[0] == leaf.spec else None

    @cached_property
    def _framework(self) -> str:
        """Where modules without a spec go: every framework has a Dense, and who serves it is it."""
        return layout_of(specs.Dense(input_size=1, units=1), **self.place).framework

    def _modules(self, wanted: type) -> Natives:
        if self._framework == "numpy":
            raise ConversionError(
                f"NumPy has no modules, and none for a {wanted.__name__}. Convert its layers one "
                "by one, or as a dict."
            )
        found: Natives = registry.natives(self._framework)
        return found


def _filled(into: Any, model: Any, verify: bool) -> Any:
    before, source = with_parameters(leaves(into)), leaves(model)
    fill(into, source)
    try:
        for path, leaf in before.items() if verify else ():
            with located(path):
                _verify(source[path].module, leaf.module, path)
    except BaseException:
        fill(into, before)
        raise
    return into


def _verify(first: Any, second: Any, path: str) -> None:
    found = compare(first, second)
    if not found.within:
        wrong = "; ".join(str(d) for d in found.differences if not d.within)
        numbers = all(map(math.isfinite, (found.largest, *(d.allowed for d in found.differences))))
        problem = "do not compute the same" if numbers else "do not give finite numbers to compare"
        raise ConversionError(
            f"{found.first} and {found.second} {problem}. {wrong}. Nothing was changed; pass "
            "verify=False to convert all the same."
        )
    where, names = path or type(first).__name__, (found.first, found.second)
    _log.info("%s: %s and %s differ by %.1e at most", where, *names, found.largest)


def _unwritten(part: Any) -> str:
    """A module of a class whose code stays where it is, and the way out."""
    return (
        f"a {type(part).__name__}, whose code ncps cannot write in another framework. Make the "
        "model there and pass it: ncps.convert(model, into=other)."
    )


def has_own_code(layer: Any) -> bool:
    """Whether a subclass from outside of the layer's plugin says what a call computes."""
    provider = registry.provider_of(layer)
    if provider is None:
        return False
    home = re.split("[.:]", provider.target)[0]
    above = takewhile(lambda cls: cls.__module__.split(".")[0] != home, type(layer).__mro__)
    return any(_CALLS & vars(cls).keys() for cls in above)

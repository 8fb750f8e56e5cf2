"""Does a collection give its layers as a list or a dict does, and is nothing else?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.canonical import Layer, parameters
from ncps.errors import SpecError
from ncps.reference._containers import inside
from ncps.specs import ModuleDict
from ncps.testing._cases import Case
from ncps.testing._check import COLLECTION, check
from ncps.testing._compare import raises, same_arrays
from ncps.testing._subject import Subject
from ncps.testing._variants import small


@check(cases=small, kinds=COLLECTION)
def check_members(subject: Subject, case: Case) -> None:
    """A collection gives its layers by place or name, in order, and takes no call of its own."""
    layer: Any = subject.make(case.spec())
    spec, values = layer.spec, parameters(layer)
    named = isinstance(spec, ModuleDict)
    names, specs = list(spec.members()), list(spec.members().values())
    keys = names if named else list(range(len(names)))
    assert len(layer) == len(names), f"expected {len(names)} layers, got {len(layer)}"
    assert list(layer.members()) == names, f"expected {names}, got {list(layer.members())}"
    if named:
        found = [list(layer), list(layer.keys()), [name for name, _ in layer.items()]]
        assert found == [names] * 3, f"expected the names {names} in order, got {found}"
        assert all(name in layer for name in names), f"expected each of {names} to be in it"
        assert "absent" not in layer, "expected a name that it does not have not to be in it"
    for each in (layer.values() if named else layer, (layer[key] for key in keys)):
        got = [one.spec for one in each]
        assert got == specs, f"expected the layers {specs} in order, got {got}"
    for key, name in zip(keys, names, strict=True):
        one = layer[key]
        assert isinstance(one, Layer), f"expected a layer as {name}, got {type(one).__name__}"
        same_arrays(f"{name}: parameter", parameters(one), inside(values, name))
    raises(KeyError if named else IndexError, lambda: layer["absent" if named else 99], "absent")
    x = subject.native({"x": np.zeros((2, 3), np.float32)}, layer.dtype)
    raises(SpecError, lambda: layer(**x), "a call")

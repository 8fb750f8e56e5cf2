"""Does a layer become one of the reference, and show every step of what it does?"""

from __future__ import annotations

from ncps.canonical import load_parameters, parameters
from ncps.conversion import convert, record
from ncps.conversion.tolerances import TOLERANCES
from ncps.testing._cases import Case
from ncps.testing._check import EVERY, check
from ncps.testing._compare import close, outputs_close, same_arrays
from ncps.testing._judge import judge
from ncps.testing._subject import Subject
from ncps.testing._variants import small
from ncps.testing.checks._parameters import other_values


@check(cases=small, kinds=EVERY)
def check_conversion(subject: Subject, case: Case) -> None:
    """A layer converted to the reference is the same at every step, and so is its recording."""
    layer, inputs = subject.make(case.spec()), case.inputs()
    load_parameters(layer, other_values(case))
    reference = convert(layer, "numpy")
    same_arrays("converted: parameter", parameters(reference), parameters(layer))
    bounds = TOLERANCES[layer.dtype].values
    if layer.spec.kind == "collection":
        outputs_close(
            subject.call(layer, inputs), judge(layer.spec, parameters(reference), inputs), bounds
        )
        return
    recorded, expected = record(layer, **inputs), record(reference, **inputs)
    assert list(recorded) == list(expected), f"expected {list(expected)}, got {list(recorded)}"
    for name, array in recorded.items():
        close(f"recorded {name}", array, expected[name], bounds)
    if not layer.spec.forward_only:
        return  # the last output of a reverse direction stands at the first step
    y = recorded["y"]
    if not getattr(layer.spec, "return_sequences", True):
        y = y[..., -1, :]
    close("a call beside its recording: y", subject.call(layer, inputs).y, y, bounds)

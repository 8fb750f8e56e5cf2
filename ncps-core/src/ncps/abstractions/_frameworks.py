"""Whose array is it? Its type says so; no framework is imported to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ncps import registry
from ncps.errors import ConversionError, NcpsError

if TYPE_CHECKING:
    from ncps.neural import Functions

# whose layers take the arrays of such a library
LIBRARIES = ("jax", "tensorflow")
_ALSO = {"jaxlib": "jax"}


def functions(name: str) -> Functions:
    """The operations on the arrays of a framework, or of ``"jax"`` or ``"tensorflow"``.

    Raises: as `ncps.registry.neural`.
    """
    found: Functions = registry.neural("keras" if name in LIBRARIES else name, name)
    return found


def functions_of(array: Any) -> Functions:
    """The operations on an array's own kind.

    Raises: ConversionError when it is no array of a framework that can be used.
    """
    known = {*registry.frameworks(), *LIBRARIES}
    modules = [base.__module__.partition(".")[0] for base in type(array).__mro__]
    names = [_ALSO.get(module, module) for module in modules]
    causes: list[str] = []
    # Keras has the arrays of torch too, where ncps-torch may be missing
    for name in [*(n for n in dict.fromkeys(names) if n in known), "keras"]:
        try:
            found = functions(name)
        except NcpsError as error:
            causes.append(str(error))
            continue
        if found.is_array(array):
            return found
    why = f" {causes[0]}" if causes and names[0] in known else ""
    raise ConversionError(
        f"expected an array of one of {', '.join(sorted(known))}, got a "
        f"{type(array).__name__}.{why}"
    )

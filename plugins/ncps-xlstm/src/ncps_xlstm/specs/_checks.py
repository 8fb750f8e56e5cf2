"""Checks of options that several specs here share, and the states that they draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ncps.errors import SpecError
from ncps.specs import Parameter, Spec, States, options
from ncps.specs.initializers import Constant, Initializer

FORMS = ("chunkwise", "parallel", "recurrent")


def heads(layer: str, what: str, size: int, num_heads: int) -> None:
    """SpecError unless each of the heads gets as much of `size`."""
    if size % num_heads:
        raise SpecError(
            f"{layer} expected {what} to be a multiple of num_heads={num_heads}, got {size}. "
            f"Choose a number of heads that divides it."
        )


def form(layer: str, form: str, chunk_size: object) -> int:
    """The chunk size, once both it and the form are checked."""
    options.choice(layer, "form", form, FORMS)
    return options.integer(layer, "chunk_size", chunk_size)


def rounded_up(size: float, multiple: int = 64) -> int:
    """The smallest multiple that is no less than `size`."""
    return -int(-size // multiple) * multiple


def size_or(layer: str, option: str, value: object, usual: int) -> int:
    """The size that an option gives, or the usual one where it is None."""
    return usual if value is None else options.integer(layer, option, value)


def affine(
    name: str, shape: tuple[int, ...], init: Initializer, bias: bool, bias_size: int | None = None
) -> list[Parameter]:
    """A kernel, and a bias of zeros where there is one."""
    size = shape[-1] if bias_size is None else bias_size
    offset = [Parameter(f"{name}.bias", (size,), Constant(0.0))] if bias else []
    return [Parameter(f"{name}.kernel", shape, init), *offset]


def gamma(name: str, size: int) -> Parameter:
    """The factors of a norm."""
    return Parameter(f"{name}.gamma", (size,), Constant(1.0))


def draw_state(spec: Spec, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
    """Random states that a layer can be in: a normaliser n is positive."""

    def array(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        drawn = 0.5 * rng.standard_normal((*lead, *shape))
        positive = name.rpartition(".")[2] == "n"
        return (0.5 + np.abs(drawn) if positive else drawn).astype(np.float32)

    return tuple(array(name, shape) for name, shape in spec.state_shapes())


def state_dtypes(spec: Spec, dtype: str) -> tuple[str, ...]:
    """What a memory adds up is kept in single precision or better; y and inputs as they are."""
    memory = "float64" if dtype == "float64" else "float32"
    _, *others = (name.rpartition(".")[2] for name, _ in spec.state_shapes())
    return (dtype, *(dtype if name == "conv" else memory for name in others))

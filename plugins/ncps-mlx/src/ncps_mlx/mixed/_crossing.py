"""Out of MLX's graph and back: a custom function whose vjp is the guest's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import mlx.core as mx

from ncps.errors import MixedError
from ncps.mixed import Answer, Guest, Request

Asked = Callable[[list[mx.array]], Request]


def cross(
    guest: Guest, request: Asked, operands: list[mx.array], dtype: str
) -> tuple[list[mx.array], Any]:
    """The guest's outputs for these operands, as MLX arrays, and the pattern of its result."""
    answers: list[Answer] = []

    @mx.custom_function
    def crossing(*given: mx.array) -> tuple[mx.array, ...]:
        answers.append(guest.run(request(_values(guest, given)), dtype))
        return tuple(map(mx.array, map(mx.from_dlpack, answers[-1].outputs)))

    @mx.custom_function
    def pulled(*given: mx.array) -> tuple[mx.array, ...]:
        return _gradients(guest, answers[-1], request, given, len(operands))

    @crossing.vjp
    def _vjp(primals: Any, cotangents: Any, _: Any) -> tuple[mx.array, ...]:
        return _each(pulled(*primals, *_each(cotangents)))

    @crossing.jvp
    def _jvp(*_: Any) -> NoReturn:
        raise MixedError(
            f"{guest.name} was called inside mx.jvp, and gives gradients in reverse mode only. "
            "Take mx.vjp or mx.grad."
        )

    @pulled.vjp
    def _second(*_: Any) -> NoReturn:
        raise MixedError(
            f"the gradient through {guest.name} cannot be differentiated again: its framework "
            "hands back numbers, not a graph. Convert the layer with "
            'ncps.convert(layer, "mlx") for second derivatives.'
        )

    outputs = _each(crossing(*operands))
    return list(outputs), answers[-1].pattern


def _gradients(
    guest: Guest, answer: Answer, request: Asked, given: tuple[mx.array, ...], count: int
) -> tuple[mx.array, ...]:
    """The gradient by each operand; zeros for those that want none."""
    operands = list(given[:count])
    wanted = request(operands).wanted
    assert answer.pull is not None
    found = iter(answer.pull(_values(guest, given[count:])))
    return tuple(
        mx.array(mx.from_dlpack(next(found))) if want else mx.zeros_like(a)
        for want, a in zip(wanted, operands, strict=True)
    )


def _values(guest: Guest, arrays: tuple[mx.array, ...]) -> list[mx.array]:
    """The arrays, computed: their memory goes to the guest."""
    rows = [mx.contiguous(a) for a in arrays]
    try:
        mx.eval(rows)
    except ValueError as error:
        raise MixedError(
            f"{guest.name} was called inside mx.compile or mx.vmap, which have no values to hand "
            "to another framework. Call it outside of them; mx.grad and mx.value_and_grad work."
        ) from error
    return rows


def _each(value: Any) -> tuple[mx.array, ...]:
    return (value,) if isinstance(value, mx.array) else tuple(value)

"""Wirings as a command line names them: auto:32, full:16, random:32:0.5, ncp:12,8,4."""

from __future__ import annotations

from collections.abc import Callable

from ncps.errors import ConfigError, NcpsError, unknown
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring

FORMS = {
    "auto": "auto:UNITS[,OUTPUTS]",
    "full": "full:UNITS[,OUTPUTS]",
    "random": "random:UNITS[,OUTPUTS][:SPARSITY]",
    "ncp": "ncp:INTER,COMMAND,MOTOR[:SENSORY_FANOUT,INTER_FANOUT,RECURRENT,MOTOR_FANIN]",
}
_OUTPUT_SHARE = 4
_SPARSITY = 0.5


def parse_wiring(text: str) -> Wiring:
    """The wiring that the text names; by default OUTPUTS is a quarter of UNITS, SPARSITY 0.5.

    Raises: ConfigError when the text does not have one of FORMS; UnknownNameError for another kind.
    """
    kind, *parts = text.strip().casefold().split(":")
    if kind not in FORMS:
        raise unknown("wiring", kind, FORMS)
    try:
        return _BUILDERS[kind](*parts)
    except NcpsError:
        raise
    except (TypeError, ValueError):
        raise ConfigError(f"wiring {text!r} cannot be read; expected {FORMS[kind]}") from None


def _sizes(text: str) -> tuple[int, int]:
    """UNITS[,OUTPUTS]."""
    units, *outputs = (int(number) for number in text.split(","))
    (output,) = outputs or [max(1, units // _OUTPUT_SHARE)]
    return units, output


def _auto(sizes: str) -> Wiring:
    return AutoNCP(*_sizes(sizes))


def _full(sizes: str) -> Wiring:
    return FullyConnected(*_sizes(sizes))


def _random(sizes: str, sparsity: str = str(_SPARSITY)) -> Wiring:
    return Random(*_sizes(sizes), sparsity_level=float(sparsity))


def _ncp(neurons: str, synapses: str = "") -> Wiring:
    inter, command, motor = (int(number) for number in neurons.split(","))
    if synapses:
        sensory, fanout, recurrent, fanin = (int(number) for number in synapses.split(","))
    else:
        # half of what is possible, as AutoNCP does at its default sparsity
        sensory, fanout, recurrent, fanin = inter // 2, command // 2, command, command // 2
    return NCP(
        inter,
        command,
        motor,
        sensory_fanout=max(sensory, 1),
        inter_fanout=max(fanout, 1),
        recurrent_command_synapses=max(recurrent, 1),
        motor_fanin=max(fanin, 1),
    )


_BUILDERS: dict[str, Callable[..., Wiring]] = {
    "auto": _auto,
    "full": _full,
    "random": _random,
    "ncp": _ncp,
}

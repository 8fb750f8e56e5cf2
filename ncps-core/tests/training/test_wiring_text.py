from __future__ import annotations

import pytest

from ncps.errors import ConfigError, NcpsError, UnknownNameError
from ncps.training._wiring_text import parse_wiring
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring


@pytest.mark.parametrize(
    ("text", "wiring"),
    [
        ("auto:32", AutoNCP(32, 8)),
        ("AUTO:32,4", AutoNCP(32, 4)),
        ("full:16", FullyConnected(16, 4)),
        ("full:16,16", FullyConnected(16, 16)),
        ("random:16", Random(16, 4, sparsity_level=0.5)),
        ("random:16,2:0.75", Random(16, 2, sparsity_level=0.75)),
        ("ncp:12,8,4", NCP(12, 8, 4, 6, 4, 8, 4)),
        ("ncp:12,8,4:3,4,5,6", NCP(12, 8, 4, 3, 4, 5, 6)),
    ],
)
def test_text_names_a_wiring(text: str, wiring: Wiring) -> None:
    found = parse_wiring(text)
    assert type(found) is type(wiring)
    assert found.get_config() == wiring.get_config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("auto", r"wiring 'auto' cannot be read; expected auto:UNITS\[,OUTPUTS\]"),
        ("auto:many", "wiring 'auto:many' cannot be read"),
        ("auto:32,4,4", "wiring 'auto:32,4,4' cannot be read"),
        ("auto:32:0.5", "wiring 'auto:32:0.5' cannot be read"),
        ("ncp:12,8", "wiring 'ncp:12,8' cannot be read; expected ncp:INTER,COMMAND,MOTOR"),
        ("random:8:dense", "wiring 'random:8:dense' cannot be read"),
    ],
)
def test_text_that_names_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_wiring(text)


def test_unknown_kind_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown wiring 'atuo'. Did you mean 'auto'?"):
        parse_wiring("atuo:32")


def test_impossible_wiring_says_why() -> None:
    with pytest.raises(NcpsError, match="AutoNCP: expected output_size below units"):
        parse_wiring("auto:8,7")

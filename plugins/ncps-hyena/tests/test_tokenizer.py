"""The tokens of HyenaDNA."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps_hyena
from ncps.errors import IndicesError, ShapeError, SpecError, UnknownNameError
from ncps_hyena import CharacterTokenizer


def test_ids_are_those_of_the_released_models() -> None:
    tokens, mask = CharacterTokenizer()("ACGTN")
    assert tokens.tolist() == [7, 8, 9, 10, 11]
    assert tokens.dtype == np.int64
    assert mask.tolist() == [True] * 5
    assert CharacterTokenizer().vocab_size == 12


def test_other_characters_are_unknown() -> None:
    assert CharacterTokenizer()("aAX€\ud800").tokens.tolist() == [6, 7, 6, 6, 6]


@pytest.mark.parametrize(
    ("side", "row", "real"),
    [
        ("left", [4, 4, 10, 7], [False, False, True, True]),
        ("right", [10, 7, 4, 4], [True, True, False, False]),
    ],
)
def test_shorter_texts_are_padded(side: str, row: list[int], real: list[bool]) -> None:
    tokens, mask = CharacterTokenizer(padding_side=side)(["ACGT", "TA"])
    assert tokens.tolist() == [[7, 8, 9, 10], row]
    assert mask.tolist() == [[True] * 4, real]


def test_length_pads_and_special_tokens_count() -> None:
    tokens, mask = CharacterTokenizer()("GC", special_tokens=True, length=6)
    assert tokens.tolist() == [4, 4, 0, 9, 8, 1]
    assert mask.tolist() == [False, False, True, True, True, True]
    with pytest.raises(ShapeError, match="at most length=3 tokens in a text, got 4"):
        CharacterTokenizer()("GC", special_tokens=True, length=3)


def test_no_texts_give_no_rows() -> None:
    tokens, mask = CharacterTokenizer()([])
    assert tokens.shape == mask.shape == (0, 0)
    assert CharacterTokenizer()("").tokens.shape == (0,)


def test_characters_may_be_others_in_any_order() -> None:
    tokenizer = CharacterTokenizer("TéA😀")
    tokens, _ = tokenizer("A😀éTG")
    assert tokens.tolist() == [9, 10, 8, 7, 6]
    assert tokenizer.decode(tokens) == "A😀éT"


def test_texts_come_back() -> None:
    tokenizer = CharacterTokenizer()
    texts = ["GATTACA", "", "N"]
    tokens, _ = tokenizer(texts, special_tokens=True)
    assert tokenizer.decode(tokens) == texts
    assert tokenizer.decode(tokens[2, -4:], special_tokens=True) == "[PAD][CLS]N[SEP]"
    assert tokenizer.decode([]) == ""


@pytest.mark.parametrize(
    ("tokens", "error", "message"),
    [
        ([7, 12], IndicesError, "expected tokens from 0 to 11, got 12"),
        ([-1], IndicesError, "expected tokens from 0 to 11, got -1"),
        ([7.0], IndicesError, "integer dtype, got float64"),
        (7, ShapeError, r"\(T,\) or \(B, T\), got \(\)"),
    ],
)
def test_what_is_no_token_is_refused(tokens: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CharacterTokenizer().decode(tokens)


def test_tokenizer_refuses_what_it_cannot_be() -> None:
    with pytest.raises(SpecError, match="expected each character once, got 'ACA'"):
        CharacterTokenizer("ACA")
    with pytest.raises(SpecError, match="expected characters, such as 'ACGTN', got ''"):
        CharacterTokenizer("")
    with pytest.raises(UnknownNameError, match="padding_side 'top'"):
        CharacterTokenizer(padding_side="top")


def test_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Tokenizer'"):
        ncps_hyena.Tokenizer  # noqa: B018

"""The tokens of HyenaDNA: one for each character, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ncps.errors import IndicesError, ShapeError, SpecError
from ncps.specs import options

SPECIAL = ("[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]")
_SIDES = ("left", "right")
_CLS, _SEP, _PAD, _UNKNOWN = (SPECIAL.index(f"[{name}]") for name in ("CLS", "SEP", "PAD", "UNK"))


class Tokens(NamedTuple):
    """Tokens (B, T), or (T,) of one text, and which of them are no padding."""

    tokens: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CharacterTokenizer:
    """One token for each character: the vocabulary of HyenaDNA's released models.

    Seven special tokens come first, [CLS] 0, [SEP] 1, [BOS] 2, [MASK] 3, [PAD] 4, [RESERVED] 5 and
    [UNK] 6, then `characters` from 7 on. Any other character, lower case included, is [UNK]: pass
    ``text.upper()`` where lower case means the same. Shorter texts are padded on `padding_side`;
    the released models were trained with their padding on the left.

        tokens, mask = CharacterTokenizer()(["ACGT", "GATTACA"])
        logits = model(tokens, mask=mask)

    Source: Nguyen et al. 2023, arXiv:2306.15794; ids of the tokenizer in its repository.
    """

    characters: str = "ACGTN"
    padding_side: str = "left"

    def __post_init__(self) -> None:
        if not self.characters:
            raise SpecError(
                f"CharacterTokenizer expected characters, such as 'ACGTN', got {self.characters!r}."
            )
        if len(set(self.characters)) < len(self.characters):
            raise SpecError(
                "CharacterTokenizer expected each character once, got "
                f"{self.characters!r}. Leave the repeated ones out."
            )
        options.choice("CharacterTokenizer", "padding_side", self.padding_side, _SIDES)

    @property
    def vocab_size(self) -> int:
        """The number of tokens, the special ones among them."""
        return len(SPECIAL) + len(self.characters)

    def __call__(
        self, texts: str | Sequence[str], *, special_tokens: bool = False, length: int | None = None
    ) -> Tokens:
        """Tokens and mask (B, T) of texts, or (T,) of one.

        T is `length`, or that of the longest text; with `special_tokens` each text has [CLS]
        before and [SEP] behind it, which count.

        Raises: ShapeError for a text that is longer than `length`.
        """
        one = isinstance(texts, str)
        several = [texts] if isinstance(texts, str) else texts
        rows = [self._row(text, special_tokens) for text in several]
        longest = max(map(len, rows), default=0)
        if length is not None and longest > length:
            raise ShapeError(
                f"CharacterTokenizer expected at most length={length} tokens in a text, got "
                f"{longest}. Cut the text, or pass a larger length."
            )
        steps = longest if length is None else length
        tokens = np.full((len(rows), steps), _PAD, np.int64)
        mask = np.zeros((len(rows), steps), np.bool_)
        for i, row in enumerate(rows):
            start = steps - len(row) if self.padding_side == "left" else 0
            tokens[i, start : start + len(row)] = row
            mask[i, start : start + len(row)] = True
        return Tokens(tokens[0], mask[0]) if one else Tokens(tokens, mask)

    def decode(self, tokens: Any, *, special_tokens: bool = False) -> Any:
        """The text of tokens (T,), or the list of texts of tokens (B, T).

        Special tokens have no part in it, or stand there by name with `special_tokens`.

        Raises: IndicesError for what is no token; ShapeError for other axes.
        """
        ids = np.asarray(tokens)
        if ids.ndim not in (1, 2):
            raise ShapeError(
                f"CharacterTokenizer expected tokens (T,) or (B, T), got {ids.shape}. Pass one "
                "batch at most."
            )
        if not ids.size:
            return "" if ids.ndim == 1 else [""] * len(ids)
        self._check(ids)
        names = np.array([*(SPECIAL if special_tokens else [""] * len(SPECIAL)), *self.characters])
        texts = ["".join(names[row]) for row in np.atleast_2d(ids)]
        return texts[0] if ids.ndim == 1 else texts

    def _check(self, ids: npt.NDArray[Any]) -> None:
        if ids.dtype.kind not in "iu":
            raise IndicesError(
                f"CharacterTokenizer expected tokens of an integer dtype, got {ids.dtype}. Take "
                "the argmax of logits first."
            )
        wrong = ids[(ids < 0) | (ids >= self.vocab_size)]
        if wrong.size > 0:
            raise IndicesError(
                f"CharacterTokenizer expected tokens from 0 to {self.vocab_size - 1}, got "
                f"{wrong.flat[0]}. A model's padded vocabulary has columns that are no tokens: "
                "leave them out."
            )

    def _row(self, text: str, special_tokens: bool) -> npt.NDArray[np.int64]:
        known, codes = _codes(self.characters), _codes(text)
        order = np.argsort(known)
        place = np.minimum(np.searchsorted(known[order], codes), len(known) - 1)
        found = order[place]
        row = np.where(known[found] == codes, found + len(SPECIAL), _UNKNOWN)
        return np.concatenate([[_CLS], row, [_SEP]]) if special_tokens else row


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")

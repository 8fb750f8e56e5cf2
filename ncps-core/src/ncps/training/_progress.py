"""What a person sees while a model trains: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ._loop import Epoch

_PLAIN_LINES = 12


class Silent:
    """Reports nothing."""

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Nothing."""

    def epoch(self, number: int, epoch: Epoch, best: bool) -> None:
        """Nothing."""


class ProgressReport:
    """Loss, validation error in the series' unit, and the time left if no early stop comes.

    Args:
        console: where to; a bar if it is a terminal.
        epochs: the most epochs that there can be.
        done: epochs that an earlier run has done.
        scale: what a scaled error of 1 is in the series' unit.
        unit: the name of that unit, or "".
    """

    def __init__(
        self, console: Console, epochs: int, *, done: int = 0, scale: float = 1.0, unit: str = ""
    ) -> None:
        self._console = console
        self._epochs = epochs
        self._done = done
        self._scale = scale
        self._unit = f" {unit}" if unit else ""
        self._text = "validation RMSE –"
        self._start = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[text]}", markup=False),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(
                "training", total=self._epochs, completed=self._done, text=self._text
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=f"epoch {epoch}/{self._epochs}",
                completed=epoch - 1 + step / steps,
                text=f"loss {loss:.4f}  {self._text}",
            )

    def epoch(self, number: int, epoch: Epoch, best: bool) -> None:
        """Note the validation error; a plain line about every twelfth of the run."""
        error = f"{epoch.validation**0.5 * self._scale:.4g}{self._unit}"
        self._text = f"validation RMSE {error}{' (best)' if best else ''}"
        every = max(1, self._epochs // _PLAIN_LINES)
        if self._bar is None and (number % every == 0 or number in (1, self._epochs)):
            pace = (time.monotonic() - self._start) / (number - self._done)
            self._console.print(
                f"epoch {number}/{self._epochs}  loss {epoch.loss:.4f}  {self._text}  "
                f"at most {pace * (self._epochs - number):.0f} s left",
                highlight=False,
                markup=False,
                emoji=False,
            )

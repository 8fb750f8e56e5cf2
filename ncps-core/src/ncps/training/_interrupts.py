"""Ctrl-C while a run is worked on: it ends the training, and never costs what was learned."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Self


class Interrupts:
    """Lets the first Ctrl-C through, as KeyboardInterrupt, and holds back all that follow.

    Once the loop has ended, by itself or by that first one, what is left is to save: from ``hold``
    on, each further one only calls ``told``. Outside the main thread, or where the program has a
    handler of its own, it changes nothing.
    """

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self._told, self._holds, self._installed = told, False, False

    def __enter__(self) -> Self:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False

    def hold(self) -> None:
        """From here on nothing is interrupted."""
        self._holds = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._holds:
            # the signal may have come in the middle of a print, which a second one disturbs
            with suppress(Exception):
                self._told()
            return
        self.hold()
        raise KeyboardInterrupt

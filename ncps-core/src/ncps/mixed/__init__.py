"""Models whose layers live in different technologies, and train end to end.

`wrap` makes a layer of one framework a module of another. Each framework's plugin offers its side:
as host, by the hook ``ncps_host``, and as guest, by ``ncps_guest``.
"""

from __future__ import annotations

from ncps.mixed._guest import Guest as Guest
from ncps.mixed._hosted import Hosted as Hosted
from ncps.mixed._sides import Answer as Answer
from ncps.mixed._sides import GuestSide as GuestSide
from ncps.mixed._sides import HostSide as HostSide
from ncps.mixed._sides import Request as Request
from ncps.mixed._tree import flatten as flatten
from ncps.mixed._tree import rebuild as rebuild
from ncps.mixed._wrap import wrap as wrap

__all__ = [
    "Answer",
    "Guest",
    "GuestSide",
    "HostSide",
    "Hosted",
    "Request",
    "flatten",
    "rebuild",
    "wrap",
]

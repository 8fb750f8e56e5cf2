"""The float64 meaning of every layer, in NumPy: the judge of all technologies."""

from __future__ import annotations

from ncps.reference._compose import following as following
from ncps.reference._containers import held as held
from ncps.reference._containers import merged as merged
from ncps.reference._meanings import Feedforward as Feedforward
from ncps.reference._meanings import Recurrent as Recurrent
from ncps.reference._run import run as run
from ncps.reference._run import step as step

"""Compiled functions for a CPU, where there was a C compiler when the package was built.

`operator.h` says what they compute. A wheel for a platform has them; an installation from source
compiles them if it finds a compiler. Without them everything runs, by operations of the framework.

    python -c "from ncps_hyena import native; print(native.available())"
"""

from __future__ import annotations

from ncps_hyena.native._library import Operator as Operator
from ncps_hyena.native._library import allow as allow
from ncps_hyena.native._library import available as available
from ncps_hyena.native._library import backward as backward
from ncps_hyena.native._library import forward as forward
from ncps_hyena.native._library import sources as sources
from ncps_hyena.native._library import spectra as spectra
from ncps_hyena.native._library import width as width
from ncps_hyena.native._library import width_for as width_for

"""Is the plugin left alone until it is chosen?"""

from __future__ import annotations

import os
import subprocess
import sys

from ncps.testing._cases import Case
from ncps.testing._check import EVERY, check
from ncps.testing._subject import Subject
from ncps.testing._variants import first

_LOOK_AROUND = """
import sys
import ncps.registry
ncps.registry.technologies()
ncps.registry.explain({layer!r})
found = sorted(m for m in {modules!r} if m in sys.modules)
sys.exit(f"imported {{', '.join(found)}}" if found else 0)
"""


@check(cases=first, kinds=EVERY)
def check_discovery(subject: Subject, case: Case) -> None:
    """Listing and explaining technologies imports neither the plugin nor its framework."""
    code = _LOOK_AROUND.format(layer=subject.layer, modules=subject.modules)
    environment = {**os.environ, **dict(subject.environment)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, (
        f"expected discovery to import none of {list(subject.modules)}: {done.stderr.strip()}"
    )

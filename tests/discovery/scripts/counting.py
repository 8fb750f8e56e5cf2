"""What one scan, two explanations and one choice read and import, counted."""

from __future__ import annotations

import collections
import json
import os
import sys

opened: collections.Counter[str] = collections.Counter()
written: list[str] = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        opened[str(path)] += 1
        if isinstance(flags, int) and flags & WRITES:
            written.append(str(path))


import ncps  # noqa: E402
import ncps.registry  # noqa: E402

sys.addaudithook(_count)
chosen = [str(ncps.explain("Dense").chosen) for _ in range(2)]
at_scan = dict(opened)
modules = sorted(sys.modules)
made = ncps.create("Dense", units=1).technology
opened.clear()
for _ in range(100):
    ncps.create("Dense", units=1)
json.dump(
    {
        "chosen": chosen,
        "at scan": at_scan,
        "modules": modules,
        "made": made,
        "repeated": dict(opened),
        "written": written,
        "core": ncps.__file__,
    },
    sys.stdout,
)

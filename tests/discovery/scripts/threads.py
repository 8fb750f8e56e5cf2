"""Sixteen threads choose for the first time at once: what was scanned, imported, made and said."""

from __future__ import annotations

import collections
import json
import os
import sys
import threading
import types
import warnings

opened: collections.Counter[str] = collections.Counter()
imported: collections.Counter[str] = collections.Counter()


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and str(arguments[0]).endswith("ncps_plugin.toml"):
        opened[os.path.basename(os.path.dirname(str(arguments[0])))] += 1
    elif event == "exec" and isinstance(arguments[0], types.CodeType):
        folder, file = os.path.split(arguments[0].co_filename)
        imported[os.path.basename(folder)] += file == "_plugin.py"


sys.addaudithook(_count)

import ncps  # noqa: E402

made: list[str] = []
explained: list[str] = []
warned: list[str] = []
barrier = threading.Barrier(16)


def work() -> None:
    """Choose at the same moment as all the others."""
    barrier.wait(30)
    made.append(ncps.create("Dense", units=1).technology)
    row = ncps.explain("Dense").chosen
    assert row is not None
    explained.append(row.technology)


warnings.simplefilter("always")
warnings.showwarning = lambda message, *rest: warned.append(str(message))
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
told = {"made": made, "explained": explained, "warned": warned}
json.dump(told | {"opened": opened, "imported": imported}, sys.stdout)

"""Process pools of each kind: before and after the parent's own first use."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor

import ncps
from ncps.registry import _state


def made() -> str:
    """The technology that serves in this process."""
    technology: str = ncps.create("Dense", units=1).technology
    return technology


def in_pool(kind: str) -> list[str]:
    """The choices of two workers."""
    context = multiprocessing.get_context(kind)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return [future.result(60) for future in [pool.submit(made) for _ in range(2)]]


def forked_while_another_thread_scans() -> str:
    """A child that is born while the lock of the scan is held by a thread that it has not."""
    scan, entered, go = _state.scan, threading.Event(), threading.Event()

    def slow_scan(*, discover: bool) -> object:
        entered.set()
        go.wait(60)
        return scan(discover=discover)

    ncps.reload()
    _state.scan = slow_scan
    thread = threading.Thread(target=made)
    thread.start()
    entered.wait(60)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # rather than wait for ever
        _state.scan = scan
        os.write(write, made().encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    go.set()
    thread.join(60)
    _state.scan = scan
    return told


if __name__ == "__main__":
    # Python 3.12 warns of any fork beside a thread: that is what is tested here
    warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
    told: dict[str, object] = {f"{kind}, unused": in_pool(kind) for kind in ("fork", "spawn")}
    told["parent"] = made()
    told |= {f"{kind}, used": in_pool(kind) for kind in ("fork", "spawn")}
    ncps.set_default("acme-low")
    os.environ["NCPS_PRIORITY"] = "acme-other=9000"
    told |= {f"{kind}, default and variable": in_pool(kind) for kind in ("fork", "spawn")}
    ncps.set_default()
    del os.environ["NCPS_PRIORITY"]
    told["fork in a scan"] = forked_while_another_thread_scans()
    json.dump(told, sys.stdout)

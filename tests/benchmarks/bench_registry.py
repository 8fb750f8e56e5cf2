"""What discovery and choice cost, against the budgets of the design.

    python tests/benchmarks/bench_registry.py --page docs/benchmarks/choosing.md

Each scan and import runs in a process of its own, first use as users meet it; the baseline runs
interleaved with it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

from reports import machine

import ncps
from ncps import registry, specs
from ncps.registry._choice import choose

SOURCE = Path(ncps.__file__).parents[1]
PROCESSES = 21
PLUGINS = 5

PAGE = """\
# What discovery and choice cost

Written by `tests/benchmarks/bench_registry.py`. Median of {processes} fresh processes,
interleaved with their baselines, and the range of the middle 80 %; a repeated choice is the mean
of 2000 calls, 14 times. {plugins} of the installed distributions are plugins. Budgets are the
design's.
[How a layer is chosen](../choosing.md) says what is measured here.

{machine}

| | median | middle 80 % | budget |
|---|---|---|---|"""

SCAN = """
import sys, time
start = time.perf_counter(); import importlib.metadata; imported = time.perf_counter()
import ncps.registry
from ncps.registry._scan import scan
begin = time.perf_counter(); found = scan(discover=True); end = time.perf_counter()
names = [t.name for t in found.technologies]
assert len(names) == 1 + PLUGINS and not found.problems, (names, found.problems)
print(end - begin, imported - start)
""".replace("PLUGINS", str(PLUGINS))

ENTRY_POINTS = """
import time, importlib.metadata
begin = time.perf_counter()
found = [(e.value, e.dist.name) for e in importlib.metadata.entry_points(group="ncps.plugins")]
end = time.perf_counter()
assert len(found) == PLUGINS, found
print(end - begin, 0)
""".replace("PLUGINS", str(PLUGINS))

MANIFEST = """
schema = 1
api = 1
plugin = "fake_{i}._plugin"
[[technology]]
name = "fake_{i}"
framework = "fake"
priority = {priority}
requires = ["json"]
devices = ["cpu"]
layers = {{ Dense = "fake_{i}.layers:Dense", CfC = "fake_{i}.layers:Dense" }}
"""
LAYERS = """
class Dense:
    def __init__(self, spec, *, seed, dtype, device):
        self.spec = spec

    def __call__(self, x):
        return x
"""
SUPPORTS = "def ncps_supports(spec, technology, framework): return None\n"


def install(site: Path, distributions: int) -> None:
    """Write distributions with real metadata; the first ones are plugins."""
    for i in range(distributions):
        info = site / f"fake_{i}-1.0.dist-info"
        info.mkdir(parents=True)
        requires = "Requires-Dist: other\n" * 20
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: fake-{i}\nVersion: 1.0\n{requires}"
        )
        plugin = f"[ncps.plugins]\nx = fake_{i}:ncps_plugin.toml\n" if i < PLUGINS else ""
        if plugin or i % 3 == 0:
            (info / "entry_points.txt").write_text(f"[console_scripts]\na = b:c\n{plugin}")
        if plugin:
            package = site / f"fake_{i}"
            package.mkdir()
            files = {
                "__init__.py": "",
                "ncps_plugin.toml": MANIFEST.format(i=i, priority=9000 - i),
                "_plugin.py": SUPPORTS if i == 1 else "",
                "layers.py": LAYERS,
            }
            for name, text in files.items():
                (package / name).write_text(text)


def process(code: str, site: Path) -> tuple[float, float]:
    """The two times that a fresh interpreter prints; it sees `site` and this ncps only."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(SOURCE)])},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.split()
    return float(first), float(second)


def wall(code: str) -> float:
    """Seconds of a whole process."""
    start = time.perf_counter()
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    return time.perf_counter() - start


def row(name: str, seconds: list[float], unit: str = "ms", budget: str = "") -> str:
    """A line of the table: median and range of the middle 80 %, with the budget if it has one."""
    scale = {"ms": 1e3, "µs": 1e6}[unit]
    low, *_, high = statistics.quantiles(seconds, n=10)
    middle = statistics.median(seconds) * scale
    spread = f"{low * scale:.2f} to {high * scale:.2f}"
    return f"| {name} | {middle:.2f} {unit} | {spread} | {budget} |"


def bench_import() -> Iterator[str]:
    """`import ncps` over a bare interpreter, whole processes, interleaved."""
    wall("import ncps")
    bare, with_ncps = [], []
    for _ in range(PROCESSES):
        bare.append(wall("pass"))
        with_ncps.append(wall("import ncps"))
    yield row("bare interpreter", bare)
    yield row("interpreter and `import ncps`", with_ncps)
    over = [after - before for before, after in zip(bare, with_ncps, strict=True)]
    yield row("`import ncps` over the bare interpreter", over, budget="5 ms")


def bench_scan(distributions: int, budget: str) -> Iterator[str]:
    """The first scan of a process, beside importlib.metadata.entry_points alone."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), distributions)
        process(SCAN, Path(folder))
        scans, baseline = [], []
        for _ in range(PROCESSES):
            scans.append(process(SCAN, Path(folder)))
            baseline.append(process(ENTRY_POINTS, Path(folder)))
    at = f"at {distributions} installed distributions"
    yield row(f"`importlib.metadata.entry_points`, {at}", [first for first, _ in baseline])
    yield row(f"**scan, {at}**", [first for first, _ in scans], budget=budget)
    yield row("import of `importlib.metadata`, once", [second for _, second in scans])


def bench_choice() -> Iterator[str]:
    """A repeated choice, with a plugin that has no `ncps_supports` and with one that has."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), PLUGINS)
        sys.path.insert(0, folder)
        registry.reload()
        spec = specs.build("Dense", units=4)
        assert registry.select("Dense").technology == "fake_0"
        calls: dict[str, Callable[[], object]] = {
            "reading three environment variables": lambda: [os.environ.get(n) for n in "abc"],
            "**repeated choice**": lambda: choose("Dense", None, None, None, spec),
            "**repeated choice, named**": lambda: choose("Dense", "fake_2", None, "cpu", spec),
            "**repeated choice, the plugin asked if it supports the spec**": lambda: choose(
                "Dense", "fake_1", None, None, spec
            ),
            "`create` from a finished spec, an empty layer": lambda: registry.create(spec),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(15):
            for name, call in calls.items():
                times[name].append(timeit.timeit(call, number=2000) / 2000)
        for name, seconds in times.items():
            yield row(name, seconds[1:], "µs", "10 µs" if "choice" in name else "")
        sys.path.remove(folder)
        registry.reload()


def main() -> None:
    """Print every measurement, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    page = [PAGE.format(processes=PROCESSES, plugins=PLUGINS, machine=machine())]
    print(page[0], flush=True)
    for lines in (bench_import(), bench_scan(5, "5 ms"), bench_scan(500, "30 ms"), bench_choice()):
        for line in lines:
            print(line, flush=True)
            page.append(line)
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What discovery and choice cost, against the budgets of the design.

    python tests/benchmarks/bench_registry.py

Each scan and import runs in a process of its own, first use as users meet it; the baseline runs
interleaved with it.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path

import ncps
from ncps import registry, specs
from ncps.registry._choice import choose

SOURCE = Path(ncps.__file__).parents[1]
PROCESSES = 21
PLUGINS = 5

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
LAYERS = "class Dense:\n    def __init__(self, spec, *, seed, dtype, device): pass\n"
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


def report(name: str, seconds: list[float], unit: str = "ms", budget: str = "") -> None:
    """Print median and range of the middle 80 %."""
    scale = {"ms": 1e3, "µs": 1e6}[unit]
    low, *_, high = statistics.quantiles(seconds, n=10)
    middle = statistics.median(seconds) * scale
    spread = f"{low * scale:.2f} to {high * scale:.2f}"
    print(f"{name:44} {middle:8.2f} {unit}   ({spread}){budget}")


def bench_import() -> None:
    """`import ncps` over a bare interpreter, whole processes, interleaved."""
    wall("import ncps")
    bare, with_ncps = [], []
    for _ in range(PROCESSES):
        bare.append(wall("pass"))
        with_ncps.append(wall("import ncps"))
    report("bare interpreter", bare)
    report("interpreter and import ncps", with_ncps)
    over = (statistics.median(with_ncps) - statistics.median(bare)) * 1e3
    print(f"{'import ncps over bare Python':44} {over:8.2f} ms   budget 5")


def bench_scan(distributions: int, budget: str) -> None:
    """The first scan of a process, beside importlib.metadata.entry_points alone."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), distributions)
        process(SCAN, Path(folder))
        scans, baseline = [], []
        for _ in range(PROCESSES):
            scans.append(process(SCAN, Path(folder)))
            baseline.append(process(ENTRY_POINTS, Path(folder)))
    report(f"entry_points(group) at {distributions}", [first for first, _ in baseline])
    report(f"scan at {distributions}", [first for first, _ in scans], budget=budget)
    report("importing importlib.metadata, once", [second for _, second in scans])


def bench_choice() -> None:
    """A repeated choice, with a plugin that has no `ncps_supports` and with one that has."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder), PLUGINS)
        sys.path.insert(0, folder)
        registry.reload()
        spec = specs.build("Dense", units=4)
        assert registry.select("Dense").technology == "fake_0"
        calls: dict[str, Callable[[], object]] = {
            "three environment variables read": lambda: [os.environ.get(n) for n in "abc"],
            "repeated choice": lambda: choose("Dense", None, None, None, spec),
            "repeated choice, named": lambda: choose("Dense", "fake_2", None, "cpu", spec),
            "repeated choice, ncps_supports asked": lambda: choose(
                "Dense", "fake_1", None, None, spec
            ),
            "create from a finished spec": lambda: registry.create(spec),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(15):
            for name, call in calls.items():
                times[name].append(timeit.timeit(call, number=2000) / 2000)
        for name, seconds in times.items():
            report(name, seconds[1:], "µs", "   budget 10" if "choice" in name else "")
        sys.path.remove(folder)
        registry.reload()


def main() -> None:
    """Print machine and commit, then every measurement."""
    git = ["git", "-C", str(SOURCE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"ncps {ncps.__version__}, commit {commit or 'unknown'}; median (middle 80 %)")
    bench_import()
    bench_scan(5, "   budget 5")
    bench_scan(500, "   budget 30")
    bench_choice()


if __name__ == "__main__":
    main()

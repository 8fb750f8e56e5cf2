"""Where plugins may lie, and when they may come: each way in which Python finds a package."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from wheelwright import Plugin

if TYPE_CHECKING:
    Environment = Any

pytestmark = pytest.mark.install

TWO = (Plugin("acme-high", 6000), Plugin("acme-low", 5000))


def chosen(environment: Environment, **options: Any) -> dict[str, Any]:
    """The row of `ncps explain Dense` that would be taken."""
    done = environment.run("-m", "ncps", "explain", "Dense", "--json", **options)
    return next(row for row in json.loads(done.stdout)["candidates"] if row["status"] == "chosen")


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in paths}


def test_reload_finds_what_pip_installs_upgrades_and_removes_meanwhile(
    make: Any, tmp_path: Path
) -> None:
    for version, priority in (("1.0", 6000), ("2.0", 7000)):
        Plugin("late", priority, version=version).wheel(tmp_path)
    told = make(Plugin("acme-low")).told("meanwhile", sys.executable, str(tmp_path))
    assert told == {
        "at first": "acme-low 1.0",
        "installed": ["acme-low 1.0", "late 1.0"],
        "made": "late",
        "upgraded": ["late 1.0", "late 2.0"],
        "removed": ["late 2.0", "acme-low 1.0"],
    }


def test_editable_installation_is_found_and_replaced_by_the_next_one(
    make: Any, tmp_path: Path
) -> None:
    environment = make()
    for version in ("1.0", "2.0"):
        checkout = Plugin("acme-edit", version=version).checkout(tmp_path / version)
        environment.install("--editable", checkout)
        row = chosen(environment)
        assert (row["technology"], row["version"]) == ("acme-edit", version)
        assert row["path"] == str(checkout / "src" / "acme_edit" / "ncps_plugin.toml")
        assert "no problems found" in environment.run("-m", "ncps", "doctor").stdout


def test_of_two_editable_installations_the_first_on_the_path_counts(
    make: Any, core: Any, tmp_path: Path
) -> None:
    behind = make()
    behind.install("--editable", Plugin("acme-edit", 9000).checkout(tmp_path / "1"))
    front = make(behind=behind)
    assert chosen(front)["version"] == "1.0"
    front.install("--editable", Plugin("acme-edit", 7000, version="2.0").checkout(tmp_path / "2"))
    report = json.loads(front.run("-m", "ncps", "doctor", "--json").stdout)
    rows = [t for t in report["technologies"] if t["name"] == "acme-edit"]
    assert [(row["version"], row["priority"]) for row in rows] == [("2.0", 7000)]
    assert rows[0]["path"].startswith(str(tmp_path / "2"))
    assert report["problems"] == []
    done = front.run("-c", "import ncps; print(ncps.create('Dense', units=1).__module__)")
    assert done.stdout == "acme_edit.layers\n"


def test_five_hundred_distributions_are_scanned_with_one_look_at_each(make: Any) -> None:
    environment = make(*TWO)
    for i in range(500):
        info = environment.site / f"other_{i}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: other-{i}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[console_scripts]\nother{i} = other:main\n")
    told = environment.told("counting")
    assert told["made"] == "acme_high"
    read = {
        path: n for path, n in told["at scan"].items() if path.startswith(str(environment.site))
    }
    others = {path: n for path, n in read.items() if "other_" in path}
    assert {Path(path).name for path in others} == {"entry_points.txt"}
    assert len(others) == 500
    assert set(others.values()) == {1}
    files = {Path(path).name: n for path, n in read.items() if "acme_high" in path}
    assert files["ncps_plugin.toml"] == 1
    assert not any(path.endswith((".py", ".pyc")) for path in read)
    assert told["repeated"] == {}


def test_scan_and_explanation_import_no_plugin_and_no_framework(make: Any) -> None:
    told = make(*TWO).told("counting")
    tops = {name.partition(".")[0] for name in told["modules"]}
    assert tops & {"acme_high", "acme_low", "numpy", "pluggy", "torch", "mlx", "keras"} == set()


@pytest.fixture
def zipped(make: Any, core: Any, tmp_path: Path) -> tuple[Environment, Path]:
    """Two plugins and the core in one zip archive, and an environment with none of them."""
    source = make(*TWO)
    archive = tmp_path / "site.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for site, pattern in ((source.site, "acme*/*"), (core.site, "ncps*/**/*")):
            for path in site.glob(pattern):
                if path.is_file() and path.suffix != ".pyc":
                    out.write(path, path.relative_to(site))
    return make(), archive


def test_plugins_and_core_may_lie_in_a_zip_archive(zipped: tuple[Environment, Path]) -> None:
    environment, archive = zipped
    told = environment.told("counting", PYTHONPATH=str(archive))
    assert told["core"].startswith(str(archive))
    assert told["made"] == "acme_high"
    done = environment.run("-m", "ncps", "doctor", "--json", "--load", PYTHONPATH=str(archive))
    report = json.loads(done.stdout)
    assert [t["name"] for t in report["technologies"]] == ["acme-high", "acme-low", "numpy"]
    assert all(t["available"] for t in report["technologies"])
    assert report["technologies"][0]["path"] == str(archive / "acme_high" / "ncps_plugin.toml")


def test_nothing_is_written_so_that_site_packages_may_be_read_only(make: Any) -> None:
    environment = make(*TWO)
    for path in [*environment.site.rglob("*"), environment.site]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = listing(environment.path)
    told = environment.told("counting", PYTHONDONTWRITEBYTECODE="1")
    assert told["made"] == "acme_high"
    assert told["written"] == []
    environment.run("-B", "-m", "ncps", "doctor", "--load")
    assert listing(environment.path) == before
    for path in [environment.site, *environment.site.rglob("*")]:
        path.chmod(0o755)  # so that pytest can remove it

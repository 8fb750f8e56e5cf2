from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ncps.registry._state as state_module
from ncps import registry
from ncps.errors import NcpsError

if TYPE_CHECKING:
    Site = Any

RAISES = 'raise RuntimeError("nothing of a plugin may be imported")\n'


def found() -> dict[str, registry.TechnologyInfo]:
    return {info.name: info for info in registry.technologies()}


def problems() -> str:
    return "\n".join(map(str, registry.overview().problems))


def test_scan_finds_a_plugin_and_where_it_comes_from(site: Site) -> None:
    folder = site.plugin("acme-ncps", aliases=["acme.nn"], devices=["cpu"])
    info = found()["acme_ncps"]
    assert (info.distribution, info.version) == ("acme-ncps", "1.0")
    assert info.path == str(folder / "ncps_plugin.toml")
    assert (info.layers, info.devices, info.aliases) == (("Dense",), ("cpu",), ("acme.nn",))
    assert info.available


def test_scan_and_explain_import_nothing_of_a_plugin(site: Site) -> None:
    folder = site.plugin("acme", code=RAISES, hooks=RAISES)
    (folder / "__init__.py").write_text(RAISES)
    result = site.run(
        """
        import sys, ncps
        assert ncps.explain("Dense", units=3).chosen.technology == "acme"
        assert [t.name for t in ncps.technologies()][0] == "acme"
        heavy = {"acme", "pluggy", "mlx", "torch", "keras", "ncps_mlx"} & set(sys.modules)
        assert not heavy, heavy
        """
    )
    assert result.returncode == 0, result.stderr


def test_import_of_ncps_imports_neither_numpy_nor_metadata(site: Site) -> None:
    result = site.run(
        """
        import sys, ncps
        heavy = {"numpy", "pluggy", "importlib.metadata", "rich", "ncps.registry"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "file"),
    [
        ("acme:sub/manifest.toml", "sub/manifest.toml"),
        ("acme.sub:manifest.toml", "sub/manifest.toml"),
        (" acme : manifest.toml ", "manifest.toml"),
    ],
)
def test_manifest_may_lie_deeper_in_the_package(site: Site, value: str, file: str) -> None:
    site.distribution("acme", f"[ncps.plugins]\nx = {value}\n")
    text = 'schema=1\napi=1\n[[technology]]\nname="deep"\nframework="d"\npriority=1\n'
    site.package("acme", {"sub/__init__.py": RAISES, file: text + 'layers={Dense="a:B"}\n'})
    assert "deep" in found()


@pytest.mark.parametrize("kind", ["pth", "finder", "namespace", "module"])
def test_manifest_is_found_in_every_kind_of_install(site: Site, tmp_path: Path, kind: str) -> None:
    source = tmp_path / "src"
    site.distribution("acme", "[ncps.plugins]\nx = acme:ncps_plugin.toml\n")
    folder = source if kind == "module" else source / "acme"
    folder.mkdir(parents=True)
    code = source / "acme.py" if kind == "module" else folder / "__init__.py"
    if kind != "namespace":
        code.write_text(RAISES)
    (folder / "ncps_plugin.toml").write_text(
        'schema=1\napi=1\n[[technology]]\nname="acme"\nframework="f"\npriority=1\n'
        'layers={Dense="acme.layers:Fake"}\n'
    )
    (site.path / "acme.pth").write_text(f"{source}\n")
    hook = f"""
        import importlib.util
        class Finder:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name == "acme":
                    return importlib.util.spec_from_file_location(name, {str(code)!r})
        sys.meta_path.append(Finder)
    """
    enter = hook if kind == "finder" else f"\n        site.addsitedir({str(site.path)!r})\n"
    result = site.run(
        f"""
        import site, sys
        {enter}
        import ncps
        info = next(t for t in ncps.technologies() if t.name == "acme")
        print(info.path)
        """
    )
    assert result.stdout.strip() == str(folder / "ncps_plugin.toml"), result.stderr


@pytest.mark.parametrize(
    ("entry_points", "message"),
    [
        ("[ncps.plugins]\nx = nowhere:ncps_plugin.toml\n", "'nowhere', which is not installed"),
        ("[ncps.plugins]\nx = acme:missing.toml\n", "acme/missing.toml, found no file there"),
        ("[ncps.plugins]\nx = acme\n", "expected 'package:file.toml', got 'acme'"),
        ("[ncps.plugins]\nx = acme:../up.toml\n", "expected 'package:file.toml'"),
        ("[ncps.plugins]\nx = acme:/etc/up.toml\n", "expected 'package:file.toml'"),
        ("[ncps.plugins]\nno equals sign\n", "acme"),
        ("[ncps.plugins]\nx = acme:bad.toml\n", "bad.toml: schema: expected 1, got 99"),
        ("[ncps.plugins]\nx = acme:binary.toml\n", "binary.toml: expected valid TOML"),
        ("[ncps.plugins]\nx = raising:ncps_plugin.toml\n", "which is not installed"),
    ],
)
def test_broken_plugin_is_a_problem_and_never_breaks_others(
    site: Site, monkeypatch: pytest.MonkeyPatch, entry_points: str, message: str
) -> None:
    class Raising:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "raising":
                raise OSError("a broken finder")

    monkeypatch.setattr(sys, "meta_path", [Raising, *sys.meta_path])
    site.distribution("acme", entry_points)
    folder = site.package("acme", {"bad.toml": "schema = 99\napi = 1\n"})
    (folder / "binary.toml").write_bytes(b"\xff\xfe")
    site.plugin("good")
    assert registry.create("Dense", units=2).home == "good.layers"
    assert message in problems()
    assert "acme" in problems()
    assert "acme" not in found()


def test_metadata_that_cannot_be_read_is_a_problem(site: Site) -> None:
    site.distribution("acme", "")
    (site.path / "acme-1.0.dist-info" / "entry_points.txt").write_bytes(
        b"[ncps.plugins]\n\xff=\xff"
    )
    site.plugin("good")
    assert "good" in found()
    assert "UnicodeDecodeError" in problems()


def test_a_distribution_earlier_on_the_path_shadows_a_later_one(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("acme")
    assert "acme" in found()
    site.distribution("acme", "[console_scripts]\n", "2.0", site=tmp_path / "front")
    monkeypatch.syspath_prepend(tmp_path / "front")
    registry.reload()
    assert "acme" not in found()


def test_one_manifest_declared_twice_counts_once(site: Site) -> None:
    site.plugin("acme")
    (site.path / "acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[ncps.plugins]\nx = acme:ncps_plugin.toml\ny = acme:ncps_plugin.toml\n"
    )
    assert [t.name for t in registry.technologies()].count("acme") == 1


def test_discover_0_turns_plugins_off_and_leaves_the_built_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("acme")
    assert "acme" in found()
    monkeypatch.setenv("NCPS_DISCOVER", "0")
    assert list(found()) == ["numpy"]
    monkeypatch.setenv("NCPS_DISCOVER", "1")
    assert "acme" in found()
    monkeypatch.setenv("NCPS_DISCOVER", "never")
    with pytest.raises(NcpsError, match="NCPS_DISCOVER 'never'"):
        registry.technologies()


def test_reload_finds_a_plugin_that_was_installed_meanwhile(site: Site) -> None:
    assert "late" not in found()
    site.plugin("late")
    assert "late" not in found()
    registry.reload()
    assert "late" in found()


def test_threads_scan_once_and_agree(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("acme")
    scans: list[bool] = []
    scan = state_module.scan

    def counted(*, discover: bool) -> object:
        scans.append(discover)
        return scan(discover=discover)

    monkeypatch.setattr(state_module, "scan", counted)
    barrier, made = threading.Barrier(8), []

    def work() -> None:
        barrier.wait()
        made.append(registry.create("Dense", units=2).home)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert made == ["acme.layers"] * 8
    assert scans == [True]


def test_technologies_become_json(site: Site) -> None:
    site.plugin("acme", requires=["absent_module"])
    info = found()["acme"]
    assert json.loads(json.dumps(info.to_dict()))["reason"] == "absent_module is not installed"

"""Damaged files, those of others and those that could do harm are told apart, and refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from hyena_files import HUB, computes_what, made, original, write_config  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import ncps  # noqa: E402
from ncps.errors import FileFormatError  # noqa: E402
from ncps_hyena.checkpoints import HyenaDNAFiles  # noqa: E402


def test_objects_in_a_file_are_never_made(tmp_path: Path) -> None:
    path = original(tmp_path, made().state_dict())
    ncps.from_pretrained(path, framework="numpy")
    assert not (tmp_path / "executed").exists()
    torch.load(path / "weights.ckpt", weights_only=False)
    assert (tmp_path / "executed").exists()


def test_config_of_another_model_beside_a_file_is_not_looked_at(tmp_path: Path) -> None:
    model = made()
    original(tmp_path, model.state_dict(), {"model_type": "bert", "vocab_size": 99})
    assert computes_what(tmp_path, model).vocab_size == 16
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"config\.json cannot be read as JSON"):
        HyenaDNAFiles.read(tmp_path)


def test_damaged_files_are_refused_and_not_recognised(tmp_path: Path) -> None:
    path = original(tmp_path, made().state_dict()) / "weights.ckpt"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not HyenaDNAFiles.recognises(path)
    with pytest.raises(FileFormatError, match=r"cannot be read as a file of torch\.save"):
        HyenaDNAFiles.read(path)
    other = tmp_path / "model.safetensors"
    other.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    assert not HyenaDNAFiles.recognises(other)
    other.write_bytes(b"\xff" * 40)
    assert not HyenaDNAFiles.recognises(other)
    with pytest.raises(FileFormatError, match="cannot be read as a safetensors file"):
        HyenaDNAFiles.read(other)


def test_tensors_outside_of_their_storage_are_refused(tmp_path: Path) -> None:
    states, path = made().state_dict(), tmp_path / "weights.ckpt"
    numbers = torch.arange(6.0)
    states["backbone.ln_f.weight"] = numbers
    torch.save(states, path)
    replace_in(path, {"data.pkl": (pickled(6), pickled(7))})
    with pytest.raises(FileFormatError, match=r"inside of their storage, got shape \(7,\)"):
        HyenaDNAFiles.read(path)


def pickled(size: int) -> bytes:
    """A shape (size,) and strides (1,) as a pickle has them one after the other."""
    return b"K%c\x85q" % size


def replace_in(
    path: Path, changes: dict[str, tuple[bytes, bytes]], kind: int = zipfile.ZIP_STORED
) -> None:
    """Rewrite an archive with other bytes in some entries."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in entries.items():
            for end, (old, new) in changes.items():
                if name.endswith(end):
                    assert old in content
                    content = content.replace(old, new)
            archive.writestr(name, content)


def test_compressed_archives_are_refused(tmp_path: Path) -> None:
    path = original(tmp_path, made().state_dict()) / "weights.ckpt"
    replace_in(path, {}, zipfile.ZIP_DEFLATED)
    with pytest.raises(FileFormatError, match="expected plain entries"):
        HyenaDNAFiles.read(path)


def test_views_and_shared_storages_are_read_as_they_are(tmp_path: Path) -> None:
    model = made()
    base = torch.randn(10, 12, 6)
    states = model.state_dict()
    states["backbone.layers.0.mlp.fc1.weight"] = base[:, 3]
    states["backbone.layers.0.mlp.fc2.weight"] = base[:, 5].T
    states["backbone.ln_f.weight"] = torch.nn.Parameter(base[0, 0])
    model.load_state_dict(states)
    path = tmp_path / "weights.pt"
    torch.save(states, path)
    computes_what(path, model)


def test_folder_without_weights_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"one file of weights \(model.safetensors.*got none"):
        HyenaDNAFiles.read(write_config(tmp_path, HUB))
    for name in ("a.ckpt", "b.ckpt"):
        torch.save({}, tmp_path / name)
    with pytest.raises(FileFormatError, match=r"got a\.ckpt, b\.ckpt"):
        HyenaDNAFiles.read(tmp_path)


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.ckpt"
    torch.save([torch.ones(2)], path)
    with pytest.raises(FileFormatError, match=r"expected a state dict.*got another object"):
        HyenaDNAFiles.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "")
    with pytest.raises(
        FileFormatError, match=r"expected a file of torch\.save, got another archive"
    ):
        HyenaDNAFiles.read(path)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt", "folder"])
def test_files_of_others_are_not_recognised(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    states = torch.nn.Linear(2, 2).state_dict()
    if name == "folder":
        path.mkdir()
        write_config(path, {"model_type": "bert"})
    elif name == "model.pt":
        torch.save(states, path)
    else:
        save_file(states, path)
    assert not HyenaDNAFiles.recognises(path)

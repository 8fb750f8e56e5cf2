"""What is drawn, not how it looks: synapses, neurons, places, names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ncps.errors import PluginError, UnknownNameError, WiringError
from ncps.wirings import AutoNCP, FullyConnected, Wiring, save_drawing

mpl.use("Agg")

LAYOUTS = ["layered", "kamada", "circular", "random", "shell", "spring", "spectral", "spiral"]


def new_axes() -> Any:
    return Figure(figsize=(8, 5)).add_subplot()


def part(axes: Any, gid: str) -> Any:
    (found,) = [child for child in axes.get_children() if child.get_gid() == gid]
    return found


def paths(axes: Any, polarity: str) -> list[np.ndarray]:
    return part(axes, f"synapses-{polarity}").get_segments()


def places(axes: Any, kind: str) -> np.ndarray:
    return np.asarray(part(axes, f"neurons-{kind}").get_offsets())


def circuit() -> Wiring:
    return AutoNCP(64, 8).built(4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_synapse_is_one_curve_of_its_polarity(layout: str) -> None:
    if layout == "kamada":
        pytest.importorskip("scipy")
    wiring, axes = AutoNCP(16, 3).built(4), new_axes()
    wiring.draw_graph(layout=layout, ax=axes)
    signs = np.concatenate([wiring.adjacency_matrix, wiring.sensory_adjacency_matrix])
    assert len(paths(axes, "excitatory")) == (signs == 1).sum()
    assert len(paths(axes, "inhibitory")) == (signs == -1).sum()
    assert len(places(axes, "inter")) + len(places(axes, "command")) == 13


def test_curves_run_from_their_source_to_their_target() -> None:
    sensory = [[-1, 0, 0, 0], [0, 0, 0, 0]]
    adjacency = [[0, 1, 0, 0], [0, 0, 0, -1], [0, 0, 0, 0], [0, 0, 0, 1]]
    wiring = Wiring.from_adjacency(adjacency, sensory, [[0], [1, 2], [3]])
    axes = new_axes()
    wiring.draw_graph(ax=axes)
    inter, command, motor = (places(axes, k) for k in ("inter", "command", "motor"))
    first, second = paths(axes, "inhibitory")
    assert np.allclose(first[[0, -1]], [places(axes, "sensory")[0], inter[0]])
    assert np.allclose(second[[0, -1]], [command[0], motor[0]])
    forward, loop = paths(axes, "excitatory")
    assert np.allclose(forward[[0, -1]], [inter[0], command[0]])
    assert np.allclose(loop[[0, -1]], [motor[0], motor[0]])
    assert np.ptp(loop, axis=0).min() > 0


def test_layers_are_columns_from_left_to_right_and_ids_run_down() -> None:
    axes = new_axes()
    circuit().draw_graph(ax=axes)
    columns = [places(axes, k) for k in ("sensory", "inter", "command", "motor")]
    assert [len(column) for column in columns] == [4, 34, 22, 8]
    assert all(len(set(column[:, 0])) == 1 for column in columns)
    assert np.all(np.diff([column[0, 0] for column in columns]) > 0)
    assert all(np.all(np.diff(column[:, 1]) < 0) for column in columns)


def test_columns_of_several_inter_layers_are_numbered_and_counted() -> None:
    axes = new_axes()
    AutoNCP(32, 4, inter_layers=2).built(3).draw_graph(ax=axes)
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["sensory", "3", "inter 1", "9", "inter 2", "8", "command", "11", "motor", "4"]


def test_one_layer_of_two_types_shows_both() -> None:
    axes = new_axes()
    FullyConnected(5, 2).built(3).draw_graph(ax=axes)
    assert [t.get_text() for t in axes.texts] == ["sensory", "3", "motor + inter", "2 + 3"]


def test_recurrent_synapses_are_arcs_that_leave_the_column() -> None:
    axes = new_axes()
    Wiring.from_adjacency([[0, 1], [-1, 0]], [[0, 0]]).draw_graph(ax=axes)
    (down,), (up,) = paths(axes, "excitatory"), paths(axes, "inhibitory")
    x = places(axes, "motor")[0, 0]
    assert down[:, 0].max() > x + 0.05
    assert down[:, 0].min() == pytest.approx(x)
    assert up[:, 0].min() < x - 0.05
    assert up[:, 0].max() == pytest.approx(x)


def test_backward_synapse_bows_below_the_neurons() -> None:
    axes = new_axes()
    Wiring.from_adjacency([[0, 0], [1, 0]], [[0, 0]], [[0], [1]]).draw_graph(ax=axes)
    (back,) = paths(axes, "excitatory")
    assert back[:, 1].min() < -0.4
    assert back[:, 1].min() > axes.get_ylim()[0]


@pytest.mark.parametrize("units", [8, 64, 128])
def test_all_is_inside_the_axes(units: int) -> None:
    axes = new_axes()
    AutoNCP(units, units // 8).built(4).draw_graph(ax=axes)
    every = np.concatenate([*paths(axes, "excitatory"), *paths(axes, "inhibitory")])
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < every[:, 0].min() < every[:, 0].max() < right
    assert bottom < every[:, 1].min() < every[:, 1].max() < top
    radii = np.sqrt(part(axes, "neurons-inter").get_sizes() / np.pi)
    step = -np.diff(places(axes, "inter")[:, 1]).max() / (top - bottom)
    assert 2 * radii.max() <= step * axes.bbox.height * 72 / axes.figure.dpi + 1e-6


def test_polarities_differ_by_colour_and_by_dashes() -> None:
    axes = new_axes()
    circuit().draw_graph(ax=axes)
    up, down = part(axes, "synapses-excitatory"), part(axes, "synapses-inhibitory")
    assert up.get_colors()[0][:3].tolist() != down.get_colors()[0][:3].tolist()
    assert up.get_linestyle()[0][1] is None
    assert len(down.get_linestyle()[0][1]) == 2


def test_handles_name_the_neurons_and_synapses_in_the_drawing() -> None:
    axes = new_axes()
    handles = circuit().draw_graph(ax=axes)
    labels = [handle.get_label() for handle in handles]
    assert labels == [
        "Sensory neurons",
        "Inter neurons",
        "Command neurons",
        "Motor neurons",
        "Excitatory synapses",
        "Inhibitory synapses",
    ]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == labels


def test_call_of_the_original_draws_into_the_current_axes() -> None:
    figure = plt.figure(figsize=(6, 4))
    try:
        handles = circuit().draw_graph(
            layout="shell", neuron_colors={"command": "tab:cyan"}, draw_labels=True
        )
        plt.legend(handles=handles, loc="upper center", bbox_to_anchor=(1, 1))
        (axes,) = figure.axes
        cyan = mpl.colors.to_rgba("tab:cyan")
        assert tuple(part(axes, "neurons-command").get_facecolor()[0]) == cyan
        assert len(axes.texts) == 68
        assert len(axes.get_legend().get_texts()) == 6
    finally:
        plt.close(figure)


def test_colours_can_be_chosen_and_are_not_changed() -> None:
    chosen = {"inter": "#010203", "hub": "#040506"}
    axes = new_axes()
    wiring = Wiring.from_adjacency(
        [[0, 1], [-1, 0]], [[1, 0]], [[0], [1]], neuron_types=["hub", "motor"]
    )
    wiring.draw_graph(neuron_colors=chosen, synapse_colors={"inhibitory": "#ff0000"}, ax=axes)
    assert chosen == {"inter": "#010203", "hub": "#040506"}
    hub = part(axes, "neurons-hub").get_facecolor()[0]
    assert hub.tolist() == pytest.approx(mpl.colors.to_rgba("#040506"))
    red = part(axes, "synapses-inhibitory").get_colors()[0]
    assert red[:3].tolist() == [1, 0, 0]
    axes = new_axes()
    wiring.draw_graph(synapse_colors="#00ff00", ax=axes)
    for polarity in ("excitatory", "inhibitory"):
        assert part(axes, f"synapses-{polarity}").get_colors()[0][:3].tolist() == [0, 1, 0]


def test_labels_are_the_indices_at_their_neurons() -> None:
    axes = new_axes()
    circuit().draw_graph(draw_labels=True, ax=axes)
    labels = {t.get_text(): t.get_position() for t in axes.texts if t.get_position()[0] == 1.0}
    assert labels["30"] == pytest.approx(tuple(places(axes, "inter")[0]))
    assert len(labels) == 34


def test_drawing_says_what_is_wrong() -> None:
    with pytest.raises(WiringError, match="expected its number of inputs before it is drawn"):
        AutoNCP(16, 3).draw_graph(ax=new_axes())
    with pytest.raises(UnknownNameError, match=r"layout 'shel'\. Did you mean 'shell'"):
        circuit().draw_graph(layout="shel", ax=new_axes())
    with pytest.raises(UnknownNameError, match=r"polarity 'inhibit'\. Did you mean 'inhibitory'"):
        circuit().draw_graph(synapse_colors={"inhibit": "red"}, ax=new_axes())


def test_drawing_without_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PluginError, match=r'matplotlib.* Run: pip install "ncps\[plot\]"'):
        save_drawing(circuit(), "circuit.png")


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_saved_drawing_is_a_file_of_the_wanted_kind(
    tmp_path: Path, name: str, start: bytes
) -> None:
    path = save_drawing(AutoNCP(16, 3).built(4), tmp_path / name, title="A circuit")
    assert path == tmp_path / name
    assert path.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [path]


def test_saved_drawing_replaces_the_old_file_or_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "circuit.svg"
    path.write_text("old")

    def fail(self: Path, target: Path) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            save_drawing(AutoNCP(16, 3).built(4), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    save_drawing(AutoNCP(16, 3).built(4), path, title="A circuit")
    assert "A circuit" in path.read_text()


def test_saved_drawing_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"drawing format 'pgn'\. Did you mean 'png'"):
        save_drawing(circuit(), tmp_path / "circuit.pgn")
    with pytest.raises(WiringError, match="expected its number of inputs"):
        save_drawing(AutoNCP(16, 3), tmp_path / "circuit.png")


def test_saving_needs_neither_pyplot_nor_networkx(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from ncps.wirings import AutoNCP, save_drawing\n"
        "assert not {'matplotlib', 'networkx'} & set(sys.modules), 'import is not lazy'\n"
        f"save_drawing(AutoNCP(8, 2).built(2), {str(tmp_path / 'a.png')!r})\n"
        "print(sorted({'matplotlib.pyplot', 'networkx'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

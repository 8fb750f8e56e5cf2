"""Write golden.json: digests of the matrices that ncps 1.0.1 makes.

Run it where ``ncps==1.0.1`` is installed, in an environment of its own, as the import names clash:

    python -m venv original && original/bin/pip install ncps==1.0.1
    original/bin/python make_golden.py
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path

import numpy as np

CASES = [
    *(
        ("FullyConnected", {"units": units, **options}, inputs)
        for units, inputs in ((1, 1), (2, 3), (5, 2), (16, 7), (33, 4))
        for options in (
            {},
            {"erev_init_seed": 0},
            {"erev_init_seed": 987654321, "self_connections": False},
            {"output_dim": 1, "self_connections": False},
        )
    ),
    *(
        ("Random", {"units": units, "sparsity_level": sparsity, "random_seed": seed}, inputs)
        for units, inputs in ((1, 1), (2, 3), (7, 2), (16, 5), (33, 12))
        for sparsity in (0.0, 0.3, 0.5, 0.77, 0.99)
        for seed in (0, 1111, 4294967295)
    ),
    *(
        (
            "NCP",
            {
                **dict(
                    zip(("inter_neurons", "command_neurons", "motor_neurons"), sizes, strict=True)
                ),
                **fans,
            },
            n,
        )
        for sizes, fans, n in (
            # a seed that forgets a command neuron, whose new sources are then bounded
            (
                (6, 2, 1),
                {
                    "sensory_fanout": 2,
                    "inter_fanout": 1,
                    "recurrent_command_synapses": 0,
                    "motor_fanin": 1,
                    "seed": 45,
                },
                3,
            ),
            (
                (1, 1, 1),
                {
                    "sensory_fanout": 1,
                    "inter_fanout": 1,
                    "recurrent_command_synapses": 1,
                    "motor_fanin": 1,
                },
                1,
            ),
            (
                (10, 10, 8),
                {
                    "sensory_fanout": 6,
                    "inter_fanout": 6,
                    "recurrent_command_synapses": 4,
                    "motor_fanin": 6,
                },
                20,
            ),
            (
                (20, 2, 3),
                {
                    "sensory_fanout": 0,
                    "inter_fanout": 0,
                    "recurrent_command_synapses": 0,
                    "motor_fanin": 0,
                },
                4,
            ),
            (
                (20, 2, 3),
                {
                    "sensory_fanout": 1,
                    "inter_fanout": 0,
                    "recurrent_command_synapses": 9,
                    "motor_fanin": 1,
                },
                2,
            ),
            (
                (18, 12, 1),
                {
                    "sensory_fanout": 2,
                    "inter_fanout": 1,
                    "recurrent_command_synapses": 5,
                    "motor_fanin": 2,
                    "seed": 7,
                },
                30,
            ),
            (
                (3, 9, 5),
                {
                    "sensory_fanout": 3,
                    "inter_fanout": 9,
                    "recurrent_command_synapses": 0,
                    "motor_fanin": 9,
                    "seed": 0,
                },
                1,
            ),
            (
                (12, 6, 4),
                {
                    "sensory_fanout": 4,
                    "inter_fanout": 4,
                    "recurrent_command_synapses": 6,
                    "motor_fanin": 4,
                    "seed": 4294967295,
                },
                33,
            ),
        )
    ),
    *(
        ("AutoNCP", {"units": units, "output_size": outputs, **options}, inputs)
        for units, outputs, inputs in (
            (4, 1, 1),
            (8, 2, 4),
            (19, 3, 2),
            (32, 8, 65),
            (64, 8, 4),
            (64, 61, 3),
        )
        for options in (
            {},
            {"sparsity_level": 0.1},
            {"sparsity_level": 0.9, "seed": 1},
            {"sparsity_level": 1.0, "seed": 42},
        )
    ),
]


def digest(matrix: np.ndarray) -> str:
    """The shape, and a hash of the signs as bytes in row order."""
    signs = np.ascontiguousarray(matrix, dtype=np.int8).tobytes()
    return "x".join(map(str, matrix.shape)) + ":" + hashlib.sha256(signs).hexdigest()[:24]


def record(
    wirings: object, name: str, options: dict[str, object], inputs: int
) -> dict[str, object]:
    """What a wiring is before and after it is built."""
    wiring = getattr(wirings, name)(**options)
    before = digest(wiring.adjacency_matrix)
    wiring.build(inputs)
    layers = [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]
    first = [int(wiring.get_neurons_of_layer(i)[0]) for i in range(wiring.num_layers)]
    return {
        "class": name,
        "options": options,
        "inputs": inputs,
        "before": before,
        "adjacency": digest(wiring.adjacency_matrix),
        "sensory": digest(wiring.sensory_adjacency_matrix),
        "synapses": int(wiring.synapse_count),
        "sensory_synapses": int(wiring.sensory_synapse_count),
        "layers": layers,
        "first_of_layer": first,
        "types": "".join(wiring.get_type_of_neuron(i)[0] for i in range(wiring.units)),
        "output_dim": int(wiring.output_dim),
    }


if __name__ == "__main__":
    version = importlib.metadata.version("ncps")
    if version != "1.0.1":
        raise SystemExit(f"expected ncps 1.0.1, got {version}: run this where it is installed")
    import ncps.wirings

    records = [record(ncps.wirings, *case) for case in CASES]
    lines = ",\n".join(json.dumps(entry) for entry in records)
    Path(__file__).with_name("golden.json").write_text(f"[\n{lines}\n]\n")
    print(f"wrote {len(records)} records")

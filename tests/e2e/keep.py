"""A provider of somebody else, installed beside the program: ``tests/data/nhiscan_keep.py``, and an estate of it."""

import shutil
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parents[1] / "data" / "nhiscan_keep.py"
ENTRIES = "[nhiscan.connectors]\nkeep = nhiscan_keep:CONNECTOR\n"
ANALYZER = "[nhiscan.analyzers]\nkeep = nhiscan_keep:ANALYZER\n"
MUTE = "[nhiscan.analyzers]\nkeep = nhiscan_keep:MUTE\n"
EVIL = "evil\u202e[red]\u001b[2J<script>"
ESTATE: dict[str, Any] = {
    "one": {
        "identities": [
            {
                "id": "U1",
                "kind": "user",
                "name": "runner",
                "policies": {"deploy": {"allow": ["vault:look"], "become": ["R1"], "used": ["vault:look"]}},
            },
            {
                "id": "R1",
                "kind": "role",
                "name": "deployer",
                "policies": {"chain": {"become": ["R2"], "allow": ["vault:open"], "if": {"vault:open": "clock"}}},
            },
            {"id": "R2", "kind": "role", "name": "admin", "policies": {"all": {"allow": ["*"]}}},
            {
                "id": "R3",
                "kind": "role",
                "name": "held",
                "policies": {"all": {"allow": ["*"]}, "guard": {"deny": ["*"]}},
            },
            {"id": "U2", "kind": "user", "name": EVIL, "policies": {EVIL: {"become": ["U1"]}}},
            {"id": "U3", "kind": "user", "name": "twin"},
        ]
    },
    "two": {
        "identities": [{"id": "U9", "kind": "user", "name": "twin"}, {"id": "R9", "kind": "role", "name": "Admin"}]
    },
}


def install(folder: Path, entries: str) -> None:
    info = folder / "nhiscan_keep-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nhiscan-keep\nVersion: 1\n")
    (info / "entry_points.txt").write_text(entries)
    shutil.copy(PLUGIN, folder)

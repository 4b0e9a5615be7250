"""kill -9 in the middle of a scan: the last complete state stays readable, and the next scan works."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nhiscan.collect.spool import PREFIX, Spool

SCAN = """
import sys
from pathlib import Path
from nhiscan.collect import scan
from nhiscan.collect.spool import Spool
from nhiscan.connector import Connector, Failure, Source
from nhiscan.inventory import open_inventory
from nhiscan.model import Covered, Identity, Scope

place, folder, when, where = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]

class Door:
    def close(self): pass

class Session:
    def caller(self): return {}
    def scopes(self):
        return [Scope("acme/organization/top", "acme", "organization", "top"),
                Scope("acme/account/one", "acme", "account", "one", parent="acme/organization/top")]
    def enter(self, scope): return Door()
    def close(self): pass

def wait():
    print("now", flush=True)
    sys.stdin.read()

def users(door, reader):
    yield Identity("acme/account/one/user/new", "acme/account/one", "user", "new", "new", source="acme.users")
    if where == "organization":
        yield Covered("acme/account/one")
    if when == "reading":
        wait()

def finish(scan):
    if when == "finishing":
        wait()

source = Source("acme.users", users, lists=frozenset({"identity:user"}), on=frozenset({where}), spans=True)
connector = Connector("acme", "Acme", (), lambda settings: (source,), lambda settings, context: Session(),
                      lambda error: Failure("failed"), lambda settings: "")
scan(open_inventory(place), [(connector, {})], finish=finish, clock=lambda: 1_790_000_100, sleep=lambda seconds: None,
     run_id=lambda: "killed", spool=Spool(folder))
"""


@pytest.mark.parametrize("where", ["account", "organization"])
@pytest.mark.parametrize("when", ["reading", "finishing"])
def test_a_killed_scan_changes_nothing_that_can_be_read(bench: Any, tmp_path: Path, when: str, where: str) -> None:
    bench.scan()
    before = bench.rows("SELECT * FROM identity")
    spools = tmp_path / "spools"
    spools.mkdir()
    program = tmp_path / "scan.py"
    program.write_text(SCAN)
    arguments = [sys.executable, str(program), bench.inventory.place, str(spools), when, where]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert len(list(spools.glob(PREFIX + "*"))) == 1
    assert bench.rows("SELECT * FROM identity") == before
    assert [info.number for info in bench.inventory.scans()] == [1]
    outcome = bench.scan(spool=Spool(spools))
    assert outcome.number == 2
    assert list(spools.iterdir()) == []
    assert {run: state for run, state, _ in bench.run_states()}["killed"] == "killed"
    assert bench.rows("SELECT key FROM identity") == [row[:1] for row in before]

"""What the analyzer declares, and that it needs nobody's SDK."""

import subprocess
import sys

from nhiscan import plugins
from nhiscan_gcp.analyzer import ANALYZER
from nhiscan_gcp.analyzer.permissions import CAPABILITIES, Table, facts, level_of
from nhiscan_gcp.sketch import Sketch


def test_it_is_found_and_says_what_it_rests_on() -> None:
    assert plugins.analyzers()["gcp"] is ANALYZER
    assert ANALYZER.gives == {"effective_access", "escalation_path", "privilege", "trust"}
    assert "access_grant:role_binding" in ANALYZER.reads
    assert "policy:provider_policy.document" in ANALYZER.reads


def test_deriving_and_asking_import_no_sdk() -> None:
    code = (
        "import sys\n"
        "from nhiscan_gcp.analyzer import ANALYZER\n"
        "from nhiscan_gcp.sketch import Sketch\n"
        "sketch = Sketch(); sketch.project('shop'); sketch.account('ci', 'shop')\n"
        "assert len(list(ANALYZER.derive(sketch.records))) == 1\n"
        "ANALYZER.open(sketch.records)\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('google', 'grpc', 'requests', 'urllib3')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_an_empty_estate_gives_nothing() -> None:
    assert list(ANALYZER.derive(Sketch().records)) == []


def test_levels_of_permissions() -> None:
    for permission, level in {
        "compute.instances.get": "read",
        "compute.instances.list": "list",
        "compute.instances.setLabels": "tagging",
        "compute.instances.create": "write",
        "compute.instances.getSerialPortOutput": "read",
        "storage.buckets.setIamPolicy": "permissions_management",
        "iam.roles.update": "permissions_management",
        "iam.serviceAccounts.getAccessToken": "write",
        "iam.serviceAccounts.actAs": "write",
        "secretmanager.versions.access": "read",
        "nobody.knows.thisVerb": "write",
    }.items():
        assert level_of(permission) == level


def test_every_class_of_the_data_is_a_capability_with_permissions() -> None:
    assert set(facts()["classes"]) == set(CAPABILITIES)
    table = Table(["storage.buckets.setIamPolicy", "iam.googleapis.com/workloadIdentityPools.get"])
    assert all(table.classes.values())
    assert table.classes["permissions_management"] & table.bit("storage.buckets.setIamPolicy")
    assert table.bit("iam.workloadIdentityPools.get") == table.bit("iam.googleapis.com/workloadIdentityPools.get") != 0
    assert table.bit("iam.nothing.get") == 0

"""Estates of all sorts: whatever stands in the records, rows come out, each once, and every chain holds together."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhiscan.model import EffectiveAccess, EscalationPath, Privilege
from nhiscan_azure.analyzer import ANALYZER
from nhiscan_azure.analyzer.catalogue import catalogue
from nhiscan_azure.sketch import (
    ACCESS_ADMINISTRATOR,
    CONTRIBUTOR,
    GROUP,
    OTHER_SUB,
    OWNER,
    READER,
    ROOT_GROUP,
    SUB,
    TENANT,
    TENANT_ID,
    Sketch,
    block,
)

VM = f"{GROUP}/providers/microsoft.compute/virtualmachines/vm"
SITE = f"{GROUP}/providers/microsoft.web/sites/site"
SHARED = f"{GROUP}/providers/microsoft.managedidentity/userassignedidentities/shared"
PLACES = ["/", ROOT_GROUP, SUB, OTHER_SUB, GROUP, VM, SITE, SHARED, "junk", "/providers/microsoft.capacity/x/y"]
OPEN = "@Environment[a] BoolEquals true"
ONLY = f"@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] GuidEquals {{{READER}}}"
CONDITIONS = [None, OPEN, ONLY, "((", "!(ActionMatches{'Microsoft.Authorization/*'})", "\x00", "@" * 50]
ROLES = [
    OWNER,
    CONTRIBUTOR,
    ACCESS_ADMINISTRATOR,
    READER,
    "run",
    "deploy",
    "assign",
    "federate",
    "data",
    "gone",
    "broken",
]
RATED = sorted(catalogue().permissions)
TEMPLATES = sorted(catalogue().directory_roles)
KINDS = ["role_assignment", "eligible_assignment"]
NEEDS = ["relation:member_of", "access_grant:app_role", "scope:management_group"]
WHO = st.integers(0, 11)
UNITS = [None, "/administrativeUnits/a", "/", "\ud800"]
steps = st.one_of(
    st.tuples(st.just("assign"), WHO, st.sampled_from(ROLES), st.sampled_from(PLACES), st.sampled_from(CONDITIONS),
              st.sampled_from(KINDS)),
    st.tuples(st.just("permit"), WHO, st.sampled_from(RATED), st.sampled_from(["app_role", "delegated_permission"])),
    st.tuples(st.just("direct"), WHO, st.sampled_from(TEMPLATES), st.sampled_from(UNITS)),
    st.tuples(st.just("own"), WHO, st.integers(0, 13)),
    st.tuples(st.just("join"), WHO, WHO),
    st.tuples(st.just("deny"), st.sampled_from(PLACES), st.sampled_from(["*", "*/write", "Microsoft.Web/*"]), WHO,
              st.booleans(), st.sampled_from(CONDITIONS)),
    st.tuples(st.just("trust"), st.integers(0, 13), st.sampled_from(["", "{", '"x"', "[]", "null"]), WHO),
    st.tuples(st.just("gap"), st.sampled_from(NEEDS)),
)  # fmt: skip


def build(made: list[tuple[Any, ...]]) -> Sketch:
    sketch = Sketch()
    applications, everybody = [], []
    for number in range(2):
        application, principal = sketch.application(f"app{number}", state=None if number else "disabled")
        applications.append(application)
        everybody.append(principal)
    everybody += [sketch.vendor("vendor"), sketch.user("ann"), sketch.user("bob", path="Guest")]
    everybody += [sketch.system_identity(VM), sketch.system_identity(SITE), sketch.user_identity(SHARED, SITE)]
    everybody += [sketch.group("g0"), sketch.group("g1", assignable=True), sketch.group("g2")]
    everybody.append(f"{TENANT}/object/nobody")
    owned = [*everybody, *applications]
    roles = {
        "run": sketch.role("run", block("Microsoft.Compute/virtualMachines/runCommand/action")),
        "deploy": sketch.role("deploy", block("Microsoft.Web/*", less=["Microsoft.Web/sites/delete"])),
        "assign": sketch.role("assign", block("Microsoft.ManagedIdentity/*", "Microsoft.Web/sites/write")),
        "federate": sketch.role("federate", block("Microsoft.ManagedIdentity/*/federatedIdentityCredentials/write")),
        "data": sketch.role("data", block(data=["*"])),
        "gone": sketch.role("gone", text=None),
        "broken": sketch.role("broken", text='{"permissions":[{"actions":[1,"*"]},7]}'),
    }
    for what, *rest in made:
        if what == "assign":
            who, role, place, condition, kind = rest
            sketch.assign(everybody[who], roles.get(role, role), place, condition, kind)
        elif what == "permit":
            who, id_, kind = rest
            sketch.permission(everybody[who], catalogue().permissions[id_].name, id_, kind)
        elif what == "direct":
            who, template, over = rest
            sketch.directory_role(everybody[who], template, over=over)
        elif what == "own":
            sketch.owns(everybody[rest[0]], owned[rest[1]])
        elif what == "join":
            sketch.relation("member_of", everybody[rest[0]], everybody[rest[1]])
        elif what == "deny":
            place, action, who, below, condition = rest
            spared = [everybody[who]]
            sketch.deny(place, action, spared=spared, condition=condition, doNotApplyToChildScopes=not below)
        elif what == "trust":
            holder, text, who = rest
            issuer = f"https://login.microsoftonline.com/{TENANT_ID}/v2.0"
            shown = {"issuer": issuer, "subject": everybody[who].rpartition("/")[2], "audiences": [text]}
            sketch.federated(owned[holder], f"f{len(str(rest))}", text or shown)
        else:
            sketch.records.gap(TENANT, rest[0])
    return sketch


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=16))
def test_rows_come_out_whatever_goes_in(made: list[tuple[Any, ...]]) -> None:
    records = build(made).records
    rows = list(ANALYZER.derive(records))
    assert len({(type(row), row.key) for row in rows}) == len(rows)
    assert {row.scope for row in rows} <= {TENANT}
    paths = {row.key for row in rows if isinstance(row, EscalationPath)}
    for row in rows:
        if isinstance(row, EscalationPath):
            hops = json.loads(row.steps)
            assert len(hops) == row.hops
            assert all(before["to"] == after["from"] for before, after in pairwise(hops))
            assert hops[-1]["to"] == row.target
            assert all(hop["allows"] for hop in hops), row
            assert (row.confidence == "proven") == (row.reason is None)
        elif isinstance(row, Privilege):
            assert row.path is None or row.path in paths
            assert row.level != "none" or row.confidence == "proven"
        elif isinstance(row, EffectiveAccess):
            assert row.confidence != "proven" or row.reason is None
    assert rows == list(ANALYZER.derive(records))

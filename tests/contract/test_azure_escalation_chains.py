"""Rights and ways to more of them, through the connector and a simulated tenant of Entra ID and Azure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from nhiscan import plugins
from nhiscan.analysis import SqlRecords
from nhiscan.analysis.derive import document_of
from nhiscan.analyzer import Access
from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.model import EffectiveAccess, EscalationPath, Privilege, Trust
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_azure import CONNECTOR
from nhiscan_azure.analyzer import ANALYZER
from nhiscan_azure.simulated import (
    Application,
    Assignment,
    Delegated,
    Denial,
    Directory,
    DirectoryRole,
    Federated,
    Granted,
    Group,
    ManagedIdentity,
    ManagementGroup,
    Resource,
    ResourceGroup,
    Role,
    RoleHolder,
    ServicePrincipal,
    SimulatedAzure,
    Subscription,
    User,
    World,
)

NOW = at("2026-11-02T09:00:00")
BEFORE = NOW - 400 * 86_400
ISSUER = "https://token.actions.githubusercontent.com"
VENDOR = "9f8e7d6c-0000-4000-a000-000000000009"
RUN = ("Microsoft.Compute/virtualMachines/runCommand/action",)
DEPLOY = ("Microsoft.Web/sites/write",)
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ONLY_READER = (
    "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR "
    "(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {"
    + READER
    + "}))"
)


def application(name: str, *permissions: str, **more: object) -> Application:
    granted = tuple(Granted(one) for one in permissions)
    delegated = more.pop("delegated", ())
    return replace(
        Application(name, BEFORE, principal=ServicePrincipal(granted=granted, delegated=delegated)),  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


def directory() -> Directory:
    return Directory(
        users=(User("ann"), User("root"), User("bob")),
        groups=(
            Group("deployers", ("nested", "bob")),
            Group("nested", ("pipeline",)),
            Group("owners", ()),
        ),
        applications=(
            application("pipeline"),
            application("runner"),
            application("elsewhere"),
            application("role-giver", "RoleManagement.ReadWrite.Directory", owners=("ann",)),
            application("grants-itself", "AppRoleAssignment.ReadWrite.All"),
            application("any-app", "Application.ReadWrite.All"),
            application("own-apps", "Application.ReadWrite.OwnedBy"),
            application("owned", "RoleManagement.ReadWrite.Directory", owners=("own-apps",), locked=True),
            application("joiner", "GroupMember.ReadWrite.All"),
            application("reader-giver"),
            application("denied"),
            application("asks-users", delegated=(Delegated("RoleManagement.ReadWrite.Directory"),)),
            application(
                "federated",
                federated=(
                    Federated("main", ISSUER, "repo:shop/web:ref:refs/heads/main"),
                    Federated("pulls", ISSUER, "repo:shop/web:pull_request"),
                ),
                audience="AzureADMultipleOrgs",
            ),
            application("keeper"),
            application("nothing"),
        ),
        principals=(ServicePrincipal("vendor", tenant=VENDOR),),
        roles=(DirectoryRole("App Keeper", ("microsoft.directory/applications/credentials/update",)),),
        holders=(RoleHolder("Global Administrator", "root"), RoleHolder("App Keeper", "keeper")),
    )


def world() -> World:
    shop = ResourceGroup(
        "shop",
        (
            Resource("Microsoft.Compute/virtualMachines", "vm", system=True),
            Resource("Microsoft.Web/sites", "site", identities=("worker",)),
            ManagedIdentity("worker", granted=(Granted("Application.ReadWrite.All"),)),
        ),
        assignments=(
            Assignment("deployers", "Site Deployer"),
            Assignment("runner", "Runner"),
            Assignment("denied", "Runner"),
        ),
        denials=(Denial("no commands", RUN, principals=("denied",)),),
    )
    other = ResourceGroup("other", (), assignments=(Assignment("elsewhere", "Runner"),))
    return World(
        directory(),
        management_groups=(ManagementGroup("platform"),),
        subscriptions=(
            Subscription("live", (shop, other), parent="platform", assignments=(Assignment("vm", "Owner"),)),
            Subscription("lab", (), parent="platform"),
        ),
        roles=(
            Role("Runner", RUN),
            Role("Site Deployer", DEPLOY),
            Role("Role Giver", ("Microsoft.Authorization/roleAssignments/write", "*/read")),
            Role("Looks Harmless", ("*",), ("Microsoft.Billing/*",)),
        ),
        root=(
            Assignment("owners", "Looks Harmless"),
            Assignment("reader-giver", "Role Giver", condition=ONLY_READER),
        ),
    )


@dataclass(frozen=True)
class Found:
    names: Mapping[str, str]  # key -> name
    paths: Mapping[str, Mapping[str, EscalationPath]]  # by name of the principal
    privilege: Mapping[str, Privilege]
    access: Mapping[str, list[EffectiveAccess]]
    trust: Mapping[str, list[Trust]]
    open: Access
    outcome: object

    def key(self, name: str) -> str:
        return next(key for key, one in self.names.items() if one == name and key in self._principals)

    def group(self, name: str) -> str:
        return next(key for key, one in self.names.items() if one == name)

    @property
    def _principals(self) -> set[str]:
        return {row.key for row in self.privilege.values()}

    def chain(self, name: str, method: str = "chain") -> list[tuple[str, str, str]]:
        steps = json.loads(self.paths[name][method].steps)
        return [(self.names[step["from"]], step["method"], self.names[step["to"]]) for step in steps]


Scan = Callable[..., Found]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    def run(*, denied: bool = False) -> Found:
        folder = tmp_path_factory.mktemp("chains")
        with SimulatedAzure(world(), clock=SimulatedClock(NOW)) as azure, environment(azure.environment):
            if denied:
                live = next(iter(azure.azure.subscriptions))
                azure.faults.deny("Microsoft.Authorization/roleAssignments/read", account=live)
            inventory = open_inventory(str(folder / "inventory.db"))
            outcome = scan(
                inventory,
                [(CONNECTOR, azure.settings)],
                finish=lambda _: None,
                clock=azure.clock,
                sleep=lambda _: None,
                run_id=lambda: "chains",
                analyzers=plugins.analyzers(),
            )
            assert outcome.number is not None
            bound = inventory.bound(outcome.number)
            sql = bound.__enter__().sql
            names = {key: name.partition("@")[0] for key, name in sql.rows("SELECT key, name FROM identity")}
            paths: dict[str, dict[str, EscalationPath]] = {}
            applications = {key for (key,) in sql.rows("SELECT key FROM identity WHERE kind = 'application'")}
            for row in sql.rows(f"SELECT {', '.join(EscalationPath._fields)} FROM escalation_path"):
                one = EscalationPath._make(row)
                if one.principal not in applications:
                    paths.setdefault(names[one.principal], {})[one.method] = one
            privilege = {
                names[row[0]]: Privilege._make(row)
                for row in sql.rows(f"SELECT {', '.join(Privilege._fields)} FROM privilege")
                if row[0] not in applications
            }
            access: dict[str, list[EffectiveAccess]] = {}
            for row in sql.rows(f"SELECT {', '.join(EffectiveAccess._fields)} FROM effective_access ORDER BY key"):
                held = EffectiveAccess._make(row)
                if held.principal not in applications:
                    access.setdefault(names[held.principal], []).append(held)
            trust: dict[str, list[Trust]] = {}
            for row in sql.rows(f"SELECT {', '.join(Trust._fields)} FROM trust ORDER BY key"):
                door = Trust._make(row)
                trust.setdefault(names[door.identity], []).append(door)
            assert ANALYZER.open is not None
            opened = ANALYZER.open(SqlRecords(sql, "azure", document_of(sql), as_of=NOW))
            return Found(names, paths, privilege, access, trust, opened, outcome)

    return run


@pytest.fixture(scope="module")
def found(scanned: Scan) -> Found:
    return scanned()


def test_everything_was_read(found: Found) -> None:
    assert {name: row.reason for name, row in found.privilege.items() if row.reason} == {}


WAYS = {
    "runner": ["azure-vm-run-command"],
    "role-giver": ["entra-role-assignment"],
    "grants-itself": ["entra-permission-grant"],
    "own-apps": ["entra-application-owner", "entra-role-assignment"],
    "any-app": ["entra-any-application", "entra-role-assignment"],
    "keeper": ["entra-any-application", "entra-role-assignment"],
    "joiner": ["entra-group-members"],
    "ann": ["entra-application-owner", "entra-role-assignment"],
}


@pytest.mark.parametrize("name", WAYS)
def test_the_best_way_of_everybody_hop_by_hop(found: Found, name: str) -> None:
    row = found.privilege[name]
    assert (row.level, row.confidence, row.hops) == ("escalates_to_administrator", "proven", len(WAYS[name]))
    chain = found.chain(name, str(row.path).rpartition("|")[2])
    assert [method for _, method, _ in chain] == WAYS[name]
    assert chain[0][0] == name
    assert all(before[2] == after[0] for before, after in pairwise(chain))


@pytest.mark.parametrize("name", ["pipeline", "bob"])
def test_over_nested_groups_a_site_and_its_identity_to_the_tenant(found: Found, name: str) -> None:
    chain = found.chain(name)
    assert chain[0] == (name, "azure-site-code", "worker")
    assert chain[1][1] == "entra-any-application"
    assert len(chain) == 3
    first = json.loads(found.paths[name]["chain"].steps)[0]["allows"][0]
    assert (first["action"], first["grant"].partition("|")[0]) == (
        "Microsoft.Web/sites/write",
        found.group("deployers"),
    )


def test_whom_nothing_leads_to_more(found: Found) -> None:
    for name in ("elsewhere", "denied", "reader-giver", "nothing", "asks-users"):
        assert name not in found.paths, name
    assert found.privilege["nothing"].level == "none"
    assert found.privilege["reader-giver"].level == "permissions_management"


def test_custom_roles_are_judged_by_action(found: Found) -> None:
    row = next(row for row in found.access["owners"] if row.capability == "administrator")
    assert row.everywhere == 1
    assert row.resource.startswith("/providers/microsoft.management/managementgroups/")
    assert found.privilege["vm"].level == "administrator"
    assert found.privilege["root"].level == "administrator"


def test_an_administrator_of_the_tenant_opens_everybody(found: Found) -> None:
    root = found.key("root")
    assert len(found.open.reaches(root)) == found.privilege["root"].reaches
    assert root in found.open.reached_by(found.key("nothing"))
    assert found.privilege["nothing"].reached_by >= 8


def test_questions_are_answered_from_what_was_read(found: Found) -> None:
    place = next(row.resource for row in found.access["runner"] if row.capability == "code_execution")
    host = f"{place}/providers/microsoft.compute/virtualmachines/vm"
    assert found.open.decide(found.key("runner"), RUN[0].upper(), host).verdict == "allowed"
    denied = found.open.decide(found.key("denied"), RUN[0], host)
    assert (denied.verdict, [one.effect for one in denied.statements]) == ("denied", ["deny"])
    who = {found.names[key] for key, _ in found.open.who_can("graph:RoleManagement.ReadWrite.Directory", "*")}
    assert who == {"role-giver", "owned", "asks-users"}
    assert found.open.decide(found.key("asks-users"), "graph:RoleManagement.ReadWrite.Directory", "*").reasons == (
        "delegated",
    )
    asked = found.open.decide(found.key("keeper"), "microsoft.directory/applications/credentials/update", "*")
    assert asked.verdict == "allowed"


def test_trust_of_federated_credentials_vendors_and_owners(found: Found) -> None:
    doors = {row.statement: row for row in found.trust["federated"] if row.principal_kind == "federated"}
    assert (doors["main"].width, doors["pulls"].width) == (None, "wide-subject")
    kinds = {row.principal_kind for row in found.trust["federated"]}
    assert kinds == {"federated", "any_tenant"}
    (vendor,) = found.trust["vendor"]
    assert (vendor.principal_kind, vendor.principal) == ("tenant", VENDOR)
    (owner,) = found.trust["role-giver"]
    assert (owner.principal_kind, found.names[owner.principal], owner.confidence) == ("owner", "ann", "proven")


def test_a_subscription_that_was_not_read_is_never_clean(scanned: Scan) -> None:
    found = scanned(denied=True)
    assert found.privilege["nothing"].level == "unknown"
    assert "grants-unread" in (found.privilege["nothing"].reason or "")
    assert any(row.reason and "grants-unread" in row.reason for row in found.access["nothing"])

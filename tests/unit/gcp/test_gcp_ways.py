"""Ways to more rights: what takes them away, what they need, chains, widths, and the change that breaks them."""

import json

import pytest

from nhiscan.model import EscalationPath, Privilege
from nhiscan_gcp.analyzer import ANALYZER
from nhiscan_gcp.analyzer.escalation.sets import BadSets, load, sets
from nhiscan_gcp.sketch import TOP, Sketch

SHOP, LAB = "gcp/project/shop", "gcp/project/lab"
TOKEN = "roles/token"
KEYS = "org_policy.disable_service_account_key_creation"


@pytest.fixture
def sketch() -> Sketch:
    """Two projects in a folder; the account boss in shop administers lab."""
    found = Sketch()
    folder = found.folder("1")
    found.project("shop", folder)
    found.project("lab", folder)
    found.role(TOKEN, ["iam.serviceAccounts.getAccessToken"])
    found.role("roles/keys", ["iam.serviceAccountKeys.create"])
    found.role("roles/owner", ["resourcemanager.projects.setIamPolicy"])
    found.role("roles/root", ["resourcemanager.organizations.setIamPolicy"])
    found.role("roles/folder", ["resourcemanager.folders.setIamPolicy"])
    found.role("roles/reader", ["compute.instances.get"])
    found.bind(found.account("boss", "shop"), "roles/owner", LAB)
    return found


def boss(sketch: Sketch) -> str:
    return next(one.key for one in sketch.records.identities(SHOP) if one.name.startswith("boss@"))


def ways(sketch: Sketch, key: str) -> dict[str, EscalationPath]:
    rows = ANALYZER.derive(sketch.records)
    return {row.method: row for row in rows if isinstance(row, EscalationPath) and row.principal == key}


def privilege(sketch: Sketch, key: str) -> Privilege:
    return next(row for row in ANALYZER.derive(sketch.records) if isinstance(row, Privilege) and row.key == key)


@pytest.mark.parametrize(
    ("settings", "grade"),
    [
        ({}, "exploitable_now"),
        ({SHOP: 1}, None),
        ({SHOP: 0}, "exploitable_now"),
        ({SHOP: None}, "needs_resource"),
        ({TOP: 1}, "needs_resource"),
        ({TOP: 0}, "exploitable_now"),
        ({TOP: 1, SHOP: 0}, "exploitable_now"),
        ({TOP: 0, SHOP: 1}, None),
        ({LAB: 1}, "exploitable_now"),
    ],
)
def test_a_constraint_against_keys(sketch: Sketch, settings: dict[str, int | None], grade: str | None) -> None:
    start = sketch.account("start", "lab")
    sketch.bind(start, "roles/keys", SHOP)
    for scope, number in settings.items():
        sketch.constraint(scope, KEYS, number)
    found = ways(sketch, start).get("gcp-create-service-account-key")
    assert (found.grade if found else None) == grade
    if found is not None and grade == "needs_resource":
        assert found.needs == "a project in which the organisation does not forbid it"


def test_a_disabled_account_has_to_be_switched_on_first(sketch: Sketch) -> None:
    start, off = sketch.account("start", "lab"), sketch.account("off", "shop", disabled=True)
    sketch.bind(off, "roles/root", TOP)
    sketch.bind(start, TOKEN, off)
    row = ways(sketch, start)["gcp-get-access-token"]
    assert (row.target, row.grade, row.needs) == (off, "needs_resource", "the account switched on again")


def test_the_certain_way_goes_before_the_wide_one(sketch: Sketch) -> None:
    start, off = sketch.account("start", "lab"), sketch.account("off", "shop", disabled=True)
    sketch.bind(off, "roles/root", TOP)
    sketch.bind(start, TOKEN, SHOP)
    row = ways(sketch, start)["gcp-get-access-token"]
    assert (row.target, row.grade, row.targets) == (boss(sketch), "exploitable_now", 2)


@pytest.mark.parametrize("kind", ["instance", "service"])
def test_what_runs_as_an_account_opens_it(sketch: Sketch, kind: str) -> None:
    start = sketch.account("start", "lab")
    sketch.role("roles/metadata", ["compute.instances.setMetadata"])
    sketch.bind(start, "roles/metadata", SHOP)
    sketch.workload(kind, "shop", boss(sketch))
    found = ways(sketch, start)
    if kind != "instance":
        assert found == {}
        return
    row = found["gcp-vm-metadata"]
    assert (row.target, row.grade, row.needs) == (boss(sketch), "exploitable_now", None)


def test_a_machine_runs_as_an_account_of_another_project(sketch: Sketch) -> None:
    start = sketch.account("start", "shop")
    sketch.role("roles/metadata", ["compute.instances.setMetadata"])
    sketch.bind(start, "roles/metadata", LAB)
    assert ways(sketch, start) == {}
    sketch.workload("instance", "lab", boss(sketch))
    assert ways(sketch, start)["gcp-vm-metadata"].target == boss(sketch)


def test_where_workloads_were_not_read_there_may_be_some(sketch: Sketch) -> None:
    start = sketch.account("start", "lab")
    sketch.role("roles/metadata", ["compute.instances.setMetadata"])
    sketch.bind(start, "roles/metadata", "gcp/folder/1")
    sketch.records.gap(SHOP, "relation:runs_as")
    row = ways(sketch, start)["gcp-vm-metadata"]
    assert (row.grade, row.confidence) == ("needs_resource", "possible")
    assert row.needs == "a virtual machine that runs as the account"


def test_a_function_has_to_be_there_to_be_updated(sketch: Sketch) -> None:
    start = sketch.account("start", "lab")
    sketch.role(
        "roles/functions",
        ["cloudfunctions.functions.update", "cloudfunctions.functions.sourceCodeSet", "iam.serviceAccounts.actAs"],
    )
    sketch.bind(start, "roles/functions", SHOP)
    assert ways(sketch, start) == {}
    sketch.workload("function", "shop", sketch.account("other", "shop"))
    assert ways(sketch, start)["gcp-function-updated"].target == boss(sketch)


def test_a_chain_is_explained_hop_by_hop(sketch: Sketch) -> None:
    first, second = sketch.account("first", "lab"), sketch.account("second", "lab")
    one = sketch.bind(first, TOKEN, second)
    other = sketch.bind(second, "roles/keys", SHOP)
    row = ways(sketch, first)["chain"]
    steps = json.loads(row.steps)
    assert [(step["from"], step["to"]) for step in steps] == [(first, second), (second, boss(sketch))]
    assert [step["allows"][0]["grant"] for step in steps] == [one, other]
    assert steps[1]["why"] == (
        "second@lab.iam.gserviceaccount.com can become boss@shop.iam.gserviceaccount.com: a new key of the account"
        " authenticates as it until somebody deletes the key. Given by roles/keys on projects/shop."
    )
    assert (row.outcome, row.hops, row.category, row.target) == ("administrator", 2, "chain", boss(sketch))
    assert privilege(sketch, first).path == row.key


def test_a_chain_goes_over_what_an_administrator_can_become(sketch: Sketch) -> None:
    start, end = sketch.account("start", "shop"), sketch.account("end", "lab")
    sketch.bind(start, TOKEN, boss(sketch))
    sketch.bind(end, "roles/root", TOP)
    row = ways(sketch, start)["chain"]
    assert [step["method"] for step in json.loads(row.steps)] == ["gcp-get-access-token", "gcp-set-project-policy"]
    assert row.target == end
    assert privilege(sketch, start).path == row.key


def test_an_administrator_of_a_project_can_become_that_of_the_organisation(sketch: Sketch) -> None:
    end = sketch.account("end", "lab")
    sketch.bind(end, "roles/root", TOP)
    found = privilege(sketch, boss(sketch))
    assert (found.level, found.path) == ("administrator", None)
    middle = sketch.account("middle", "lab")
    assert found.reaches == 1
    sketch.bind(middle, TOKEN, end)
    assert ways(sketch, boss(sketch)).keys() == {"gcp-set-project-policy"}
    start = sketch.account("start", "shop")
    sketch.bind(start, TOKEN, middle)
    row = ways(sketch, start)["chain"]
    assert (row.target, row.hops) == (end, 2)


def test_an_administrator_of_folders_does_not_reach_the_projects_beside_them(sketch: Sketch) -> None:
    start = sketch.account("start", "lab")
    sketch.project("beside", TOP)
    beside = sketch.account("other", "beside")
    sketch.bind(beside, "roles/owner", "gcp/project/beside")
    sketch.bind(start, "roles/folder", TOP)
    assert ANALYZER.open is not None
    assert ANALYZER.open(sketch.records).reaches(start) == [boss(sketch)]


def test_who_sets_the_policy_of_the_organisation_has_nothing_to_gain_below(sketch: Sketch) -> None:
    start = sketch.account("start", "lab")
    for role in ("roles/root", TOKEN):
        sketch.bind(start, role, TOP)
    assert ways(sketch, start).keys() == {"gcp-set-organization-policy"}


def test_moving_sideways_is_no_way(sketch: Sketch) -> None:
    one, other = sketch.account("one", "lab"), sketch.account("other", "lab")
    for key in (one, other):
        sketch.bind(key, "roles/reader", SHOP)
    sketch.bind(one, TOKEN, other)
    assert ways(sketch, one) == {}
    assert privilege(sketch, one).reaches == 1
    sketch.bind(other, "roles/reader", LAB)
    assert ways(sketch, one)["gcp-get-access-token"].outcome == "more"


def test_an_owner_gains_nothing_by_its_own_policy(sketch: Sketch) -> None:
    owner = sketch.account("owner", "shop")
    sketch.role(
        "roles/whole",
        [
            "compute.instances.create",
            "iam.serviceAccountKeys.create",
            "iam.serviceAccounts.actAs",
            "resourcemanager.projects.delete",
            "resourcemanager.projects.setIamPolicy",
            "storage.buckets.delete",
        ],
    )
    sketch.bind(owner, "roles/whole", LAB)
    assert ways(sketch, owner) == {}
    assert privilege(sketch, owner).level == "administrator"
    assert ways(sketch, boss(sketch)).keys() == {"gcp-set-project-policy"}


def test_agents_are_acted_as(sketch: Sketch) -> None:
    start = sketch.account("start", "lab")
    sketch.account("9-compute@developer.gserviceaccount.com", "shop")
    sketch.role("roles/deploy", ["deploymentmanager.deployments.create"])
    sketch.bind(start, "roles/deploy", SHOP)
    assert ways(sketch, start) == {}
    sketch.bind("serviceAccount:9@cloudservices.gserviceaccount.com", "roles/owner", SHOP)
    sketch.bind("serviceAccount:8@cloudservices.gserviceaccount.com", "roles/root", TOP)
    row = ways(sketch, start)["gcp-deployment-manager"]
    assert (row.target, row.outcome, row.hops) == (None, "administrator", 1)
    assert json.loads(row.steps)[0]["to"] == "serviceAccount:9@cloudservices.gserviceaccount.com"


def test_the_change_that_breaks_a_way_costs_least(sketch: Sketch) -> None:
    """A role that all of a project have is not the one to take away."""
    start = sketch.account("start", "lab")
    sketch.role("roles/jobs", ["cloudscheduler.jobs.create", "cloudscheduler.locations.list"])
    sketch.role("roles/act", ["iam.serviceAccounts.actAs"])
    for member in ("user:a@example.com", "user:b@example.com", start):
        sketch.bind(member, "roles/act", SHOP)
    own = sketch.bind(start, "roles/jobs", SHOP)
    row = ways(sketch, start)["gcp-scheduler-job"]
    assert (row.via, row.action, row.statement) == (own, "cloudscheduler.jobs.create", None)


def test_a_delegation_needs_an_account_between(sketch: Sketch) -> None:
    start = sketch.account("start", "lab")
    sketch.role("roles/delegate", ["iam.serviceAccounts.implicitDelegation"])
    sketch.bind(start, "roles/delegate", LAB)
    sketch.bind(start, "roles/reader", LAB)
    assert ways(sketch, start) == {}
    middle = sketch.account("middle", "lab")
    sketch.bind(middle, TOKEN, boss(sketch))
    row = ways(sketch, start)["gcp-implicit-delegation"]
    assert row.target == boss(sketch)
    assert [allow["action"] for allow in json.loads(row.steps)[0]["allows"]] == [
        "iam.serviceAccounts.implicitDelegation",
        "iam.serviceAccounts.getAccessToken",
    ]


# --- the data ---


def test_all_of_the_public_list_is_there_but_what_gives_no_rights() -> None:
    numbers = {one.number for one in sets()} - {None}
    assert numbers == set(range(1, 24)) - {7, 17}
    assert len(sets()) == 47


def test_sets_that_are_wrong_are_refused_all_at_once() -> None:
    good = '[[sets]]\nid = "gcp-x"\ncategory = "assume_role"\ngain = "account"'
    good += '\nall_of = [{ permission = "a.b.c", on = "account" }]'
    good += '\nwhy = "Why."\nfix = "Fix."\nreferences = ["https://cloud.google.com/x"]\n'
    assert [one.id for one in load(good)] == ["gcp-x"]
    for change, problem in (
        (good + good, "the id comes twice"),
        (good + good.replace("gcp-x", "gcp-y"), "the same as gcp-x"),
        (good.replace("gcp-x", "x"), "the id begins with gcp"),
        (good.replace("assume_role", "chain"), "no category chain"),
        (good.replace('"account"\nall', '"none"\nall'), "no gain none"),
        (good.replace("a.b.c", "a"), "all_of names permissions"),
        (good.replace('on = "account"', 'on = "node"'), "cannot be on node"),
        (good.replace("Why.", "Why"), "why and fix are sentences"),
        (good.replace("cloud.google.com", "example.com"), "references are pages"),
        (good + 'node = "project"\n', "a kind of node belongs to gain policy"),
        (good + 'agents = ["cloudbuild"]\n', "agents belong to gain agent"),
        (good + 'runs = "instance"\n', "runs is one of"),
        (good + 'colour = "red"\n', "unknown key colour"),
        (good.replace('fix = "Fix."\n', ""), "fix missing"),
        ("=", "not TOML"),
    ):
        with pytest.raises(BadSets, match=problem):
            load(change)

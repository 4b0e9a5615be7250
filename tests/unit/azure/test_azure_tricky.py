"""Assignments that are easily read wrong, each as one question with one answer."""

from collections.abc import Callable

import pytest

from nhiscan_azure.analyzer import ANALYZER
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
    Sketch,
    block,
)

VM = f"{GROUP}/providers/microsoft.compute/virtualmachines/vm1"
RUN = "Microsoft.Compute/virtualMachines/runCommand/action"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
BLOB = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"
APP_SECRET = "microsoft.directory/applications/credentials/update"
NOT_ASSIGN = "!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})"
ONLY_READER = (
    f"({NOT_ASSIGN} OR @Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]"
    f" ForAnyOfAnyValues:GuidEquals {{{READER}}})"
)
SUBSCRIPTION = "azure/subscription/30000000-0000-0000-0000-000000000001"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
CUSTOM = "60000000-0000-0000-0000-000000000001"

Case = tuple[str, Callable[[Sketch, str], object], str, str, str]


def held(role: str, place: str = SUB, condition: str | None = None) -> Callable[[Sketch, str], object]:
    return lambda sketch, who: sketch.assign(who, role, place, condition)


def custom(
    *blocks: dict[str, object], place: str = SUB, condition: str | None = None
) -> Callable[[Sketch, str], object]:
    return lambda sketch, who: sketch.assign(who, sketch.role("own", *blocks), place, condition)


def both(*some: Callable[[Sketch, str], object]) -> Callable[[Sketch, str], object]:
    return lambda sketch, who: [one(sketch, who) for one in some]


def through_group(one: Callable[[Sketch, str], object], *, nested: bool = False) -> Callable[[Sketch, str], object]:
    def build(sketch: Sketch, who: str) -> None:
        group = sketch.group("inner", who)
        one(sketch, sketch.group("outer", group) if nested else group)

    return build


def denied(
    one: Callable[[Sketch, str], object],
    place: str,
    *actions: str,
    spare: bool = False,
    by_group: bool = False,
    condition: str | None = None,
    below: bool = True,
) -> Callable[[Sketch, str], object]:
    def build(sketch: Sketch, who: str) -> None:
        one(sketch, who)
        sketch.deny(
            place,
            *actions,
            principals=[sketch.group("blocked", who)] if by_group else [],
            spared=[who] if spare else [],
            condition=condition,
            doNotApplyToChildScopes=not below,
        )

    return build


def directory(
    template: str, *actions: str, over: str | None = None, enabled: bool = True
) -> Callable[[Sketch, str], object]:
    return lambda sketch, who: sketch.directory_role(who, template, *actions, over=over, isEnabled=enabled)


def permitted(name: str, kind: str = "app_role") -> Callable[[Sketch, str], object]:
    return lambda sketch, who: sketch.permission(who, name, "70000000-0000-0000-0000-000000000001", kind)


CASES: list[Case] = [
    # the scope, and what lies below it
    ("a role at a subscription holds on its resources", held(CONTRIBUTOR), RUN, VM, "allowed"),
    ("a role at the root group holds in every subscription", held(CONTRIBUTOR, ROOT_GROUP), RUN, VM, "allowed"),
    ("a role at the tenant holds in every subscription", held(CONTRIBUTOR, "/"), RUN, VM, "allowed"),
    ("a role at one resource holds there", held(CONTRIBUTOR, VM), RUN, VM, "allowed"),
    ("a role at one resource does not hold beside it", held(CONTRIBUTOR, VM), RUN, f"{VM}2", "denied"),
    ("a role at a group does not hold above it", held(CONTRIBUTOR, GROUP), RUN, SUB, "denied"),
    (
        "a role at a group is not one at a group whose name goes on",
        held(CONTRIBUTOR, GROUP),
        RUN,
        f"{GROUP}2",
        "denied",
    ),
    ("a role in one subscription does not hold in another", held(OWNER, OTHER_SUB), RUN, VM, "denied"),
    ("on something, where it is held anywhere", held(CONTRIBUTOR, VM), RUN, "*", "allowed"),
    ("places are compared without case", held(CONTRIBUTOR, VM), RUN, VM.upper(), "allowed"),
    # actions
    ("actions are compared without case", held(CONTRIBUTOR), RUN.upper(), VM, "allowed"),
    ("a star spans slashes", custom(block("Microsoft.Compute/*/action")), RUN, VM, "allowed"),
    ("a star at the end stands for nothing, too", custom(block(f"{RUN}*")), RUN, VM, "allowed"),
    ("a question mark stands for itself", custom(block("Microsoft.Compute/virtualMachine?/*")), RUN, VM, "denied"),
    ("read is not the action", held(READER), RUN, VM, "denied"),
    (
        "a name that goes on is another action",
        custom(block("Microsoft.Compute/virtualMachines/run")),
        RUN,
        VM,
        "denied",
    ),
    ("Contributor gives no roles", held(CONTRIBUTOR), ASSIGN, SUB, "denied"),
    ("User Access Administrator does", held(ACCESS_ADMINISTRATOR), ASSIGN, SUB, "allowed"),
    # what is taken away
    ("what is taken away is taken with a star", custom(block("*", less=["Microsoft.Compute/*"])), RUN, VM, "denied"),
    (
        "what is taken from one role is given by another",
        both(held(CONTRIBUTOR), held(ACCESS_ADMINISTRATOR)),
        ASSIGN,
        SUB,
        "allowed",
    ),
    (
        "what is taken from one block is given by another",
        custom(block("*", less=[RUN]), block(RUN)),
        RUN,
        VM,
        "allowed",
    ),
    (
        "the role below cannot take from the role above",
        both(held(OWNER), custom(block("*", less=[RUN]), place=GROUP)),
        RUN,
        VM,
        "allowed",
    ),
    # planes
    ("everything on the control plane is no data", held(OWNER), BLOB, SUB, "denied"),
    ("data actions are held by data actions", custom(block(data=["Microsoft.Storage/*"])), BLOB, SUB, "allowed"),
    ("data actions give nothing on the control plane", custom(block(data=["*"])), RUN, VM, "denied"),
    # groups
    ("a member has what its group has", through_group(held(OWNER)), RUN, VM, "allowed"),
    ("so has a member of a member", through_group(held(OWNER), nested=True), RUN, VM, "allowed"),
    # conditions
    ("a condition about roles leaves other actions alone", held(OWNER, SUB, ONLY_READER), RUN, VM, "allowed"),
    ("what a condition is about hangs on it", held(OWNER, SUB, ONLY_READER), ASSIGN, SUB, "conditional"),
    ("a condition that cannot be read decides nothing", held(OWNER, SUB, "((broken"), RUN, VM, "conditional"),
    ("a condition that forbids the action forbids it", held(OWNER, SUB, NOT_ASSIGN), ASSIGN, SUB, "denied"),
    (
        "another assignment without one makes it certain",
        both(held(OWNER, SUB, ONLY_READER), held(OWNER, ROOT_GROUP)),
        ASSIGN,
        SUB,
        "allowed",
    ),
    (
        "a condition of the definition counts like one of the assignment",
        custom(block(ASSIGN, condition=ONLY_READER)),
        ASSIGN,
        SUB,
        "conditional",
    ),
    # denials
    ("a denial wins over the owner", denied(held(OWNER), SUB, RUN), RUN, VM, "denied"),
    ("a denial at one group leaves the other", denied(held(OWNER), f"{SUB}/resourcegroups/b", "*"), RUN, VM, "allowed"),
    ("a denial above holds below", denied(held(OWNER, VM), ROOT_GROUP, "*"), RUN, VM, "denied"),
    (
        "a denial for its place alone does not",
        denied(held(OWNER), SUB, "*", below=False),
        RUN,
        VM,
        "allowed",
    ),
    ("whom a denial spares it does not concern", denied(held(OWNER), SUB, "*", spare=True), RUN, VM, "allowed"),
    ("a denial for a group concerns its members", denied(held(OWNER), SUB, "*", by_group=True), RUN, VM, "denied"),
    ("a denial of other actions concerns nothing", denied(held(OWNER), SUB, "Microsoft.Web/*"), RUN, VM, "allowed"),
    (
        "a denial under a condition leaves it open",
        denied(held(OWNER), SUB, RUN, condition="@Resource[x] StringEquals 'y'"),
        RUN,
        VM,
        "conditional",
    ),
    # eligible, classic, unread
    (
        "an eligible role is held after an activation",
        lambda sketch, who: sketch.assign(who, OWNER, kind="eligible_assignment"),
        RUN,
        VM,
        "conditional",
    ),
    (
        "a definition that was not read decides nothing",
        lambda sketch, who: sketch.assign(who, sketch.role("gone", text=None)),
        RUN,
        VM,
        "unknown",
    ),
    (
        "nor does one that cannot be read",
        lambda sketch, who: sketch.assign(who, sketch.role("broken", text="[]")),
        RUN,
        VM,
        "unknown",
    ),
    (
        "one that was read decides beside it",
        both(held(OWNER), lambda s, w: s.assign(w, s.role("gone", text=None))),
        RUN,
        VM,
        "allowed",
    ),
    # the directory
    (
        "all tasks of an entity cover each of them",
        directory(CUSTOM, "microsoft.directory/applications/allProperties/allTasks"),
        APP_SECRET,
        "*",
        "allowed",
    ),
    (
        "all properties to read are none to write",
        directory(CUSTOM, "microsoft.directory/applications/allProperties/read"),
        APP_SECRET,
        "*",
        "denied",
    ),
    (
        "all entities are everything",
        directory(GLOBAL, "microsoft.directory/allEntities/allProperties/allTasks"),
        APP_SECRET,
        "*",
        "allowed",
    ),
    ("owners of Azure own no directory", held(OWNER, "/"), APP_SECRET, "*", "denied"),
    (
        "the directory owns nothing of Azure",
        directory(GLOBAL, "microsoft.directory/allEntities/allProperties/allTasks"),
        RUN,
        VM,
        "denied",
    ),
    (
        "a role over one object is none over another",
        directory(CUSTOM, APP_SECRET, over="/aaaa"),
        APP_SECRET,
        "/bbbb",
        "denied",
    ),
    ("a role over one object holds there", directory(CUSTOM, APP_SECRET, over="/AAAA"), APP_SECRET, "/aaaa", "allowed"),
    ("a disabled role gives nothing", directory(CUSTOM, APP_SECRET, enabled=False), APP_SECRET, "*", "denied"),
    # permissions of Microsoft Graph
    (
        "a permission is held by name",
        permitted("Application.ReadWrite.All"),
        "graph:application.readwrite.all",
        "*",
        "allowed",
    ),
    ("who may write may read", permitted("Application.ReadWrite.All"), "graph:Application.Read.All", "*", "allowed"),
    (
        "who may write all may write the own",
        permitted("Application.ReadWrite.All"),
        "graph:Application.ReadWrite.OwnedBy",
        "*",
        "allowed",
    ),
    ("who may read may not write", permitted("Application.Read.All"), "graph:Application.ReadWrite.All", "*", "denied"),
    (
        "consent for users is held for users",
        permitted("Mail.Read", "delegated_permission"),
        "graph:Mail.Read",
        "*",
        "conditional",
    ),
]


@pytest.mark.parametrize(
    ("build", "action", "resource", "verdict"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_questions_that_are_easily_answered_wrong(
    build: Callable[[Sketch, str], object], action: str, resource: str, verdict: str
) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    build(sketch, who)
    assert ANALYZER.open is not None
    access = ANALYZER.open(sketch.records)
    decision = access.decide(who, action, resource)
    assert (decision.verdict, bool(decision.explanation)) == (verdict, True)
    listed = dict(access.who_can(action, resource))
    assert (who in listed) == (verdict in ("allowed", "conditional"))
    if verdict == "allowed":
        assert all(
            one.effect == "allow" and one.source for one in decision.statements if one.layer != "deny_assignment"
        )
        assert not decision.reasons


def test_the_table_is_long_enough() -> None:
    assert len(CASES) >= 40
    assert len({case[0] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("scope", "need", "verdict"),
    [
        (SUBSCRIPTION, "access_grant:role_assignment", "unknown"),
        (TENANT, "relation:member_of", "unknown"),
        (TENANT, "access_grant:app_role", "unknown"),
        (SUBSCRIPTION, "access_grant:deny_assignment", "denied"),
    ],
)
def test_what_was_not_read_is_never_no(scope: str, need: str, verdict: str) -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.records.gap(scope, need)
    assert ANALYZER.open is not None
    assert ANALYZER.open(sketch.records).decide(who, RUN, VM).verdict == verdict


def test_denials_that_were_not_read_leave_nothing_certain() -> None:
    sketch = Sketch()
    who = sketch.principal("ci")
    sketch.assign(who, OWNER)
    sketch.records.gap(SUBSCRIPTION, "access_grant:deny_assignment")
    assert ANALYZER.open is not None
    decision = ANALYZER.open(sketch.records).decide(who, RUN, VM)
    assert (decision.verdict, decision.reasons) == ("conditional", ("deny-policy-unread",))


def test_an_application_is_asked_about_as_its_principal() -> None:
    sketch = Sketch()
    application, principal = sketch.application("ci")
    sketch.assign(principal, OWNER)
    assert ANALYZER.open is not None
    access = ANALYZER.open(sketch.records)
    assert access.decide(application, RUN, VM).verdict == "allowed"
    assert access.decide(f"{TENANT}/object/nobody", RUN, VM).verdict == "unknown"
    assert access.right_sized(principal) is None

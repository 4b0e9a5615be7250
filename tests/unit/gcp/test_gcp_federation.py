"""Workload identity pools: how wide their providers are, and what those who come in can become."""

import pytest

from nhiscan.model import EscalationPath, Privilege, Trust
from nhiscan_gcp.analyzer import ANALYZER
from nhiscan_gcp.sketch import Sketch

GITHUB, OWN = "https://token.actions.githubusercontent.com", "https://idp.example.com"
MAPPING = {
    "google.subject": "assertion.sub",
    "attribute.repository": "assertion.repository",
    "attribute.owner": "assertion.repository_owner",
    "attribute.event": "assertion.event_name",
    "attribute.both": "assertion.repository_owner + '/' + assertion.ref",
}
POOL = "principalSet://iam.googleapis.com/projects/77/locations/global/workloadIdentityPools/hub"


@pytest.fixture
def sketch() -> Sketch:
    """A project with a pool and an account that administers the project."""
    found = Sketch()
    found.project("shop")
    found.role("roles/token", ["iam.serviceAccounts.getAccessToken"])
    found.role("roles/owner", ["resourcemanager.projects.setIamPolicy"])
    found.bind(found.account("ci", "shop"), "roles/owner", "gcp/project/shop")
    found.pool("hub", "shop", "77")
    return found


KEY = "gcp/project/shop/federation/hub"


def provider(sketch: Sketch, issuer: str | None, condition: str = "", **more: object) -> None:
    about: dict[str, object] = {} if issuer is None else {"oidc": {"issuerUri": issuer}}
    sketch.provider(KEY, f"p{condition[:5]}", attributeCondition=condition, attributeMapping=MAPPING, **about, **more)


def account(sketch: Sketch) -> str:
    return next(one.key for one in sketch.records.identities("gcp/project/shop") if one.kind == "service_account")


def trusted(sketch: Sketch, key: str) -> list[Trust]:
    return [row for row in ANALYZER.derive(sketch.records) if isinstance(row, Trust) and row.identity == key]


PROVIDERS = [
    (GITHUB, "", "any-subject"),
    (GITHUB, "  ", "any-subject"),
    (GITHUB, "true", "any-subject"),
    (GITHUB, "assertion.event_name == 'push'", "any-subject"),
    (GITHUB, "assertion.repository_owner != 'eve'", "any-subject"),
    (GITHUB, "assertion.repository_owner == 'shop'", None),
    (GITHUB, "'shop' == assertion.repository_owner", None),
    (GITHUB, "assertion['repository_owner'] == 'shop'", None),
    (GITHUB, "attribute.owner == 'shop'", None),
    (GITHUB, "attribute.both == 'shop/main'", None),
    (GITHUB, "attribute.event == 'push'", "any-subject"),
    (GITHUB, "attribute.unmapped == 'shop'", "any-subject"),
    (GITHUB, "assertion.repository in ['shop/web', 'shop/api']", None),
    (GITHUB, "assertion.repository_owner in ['shop', '']", "any-subject"),
    (GITHUB, "assertion.repository_owner in []", "any-subject"),
    (GITHUB, "assertion.repository_owner == 'shop' && assertion.ref == 'refs/heads/main'", None),
    (GITHUB, "assertion.repository_owner == 'shop' || assertion.event_name == 'push'", "any-subject"),
    (GITHUB, "assertion.repository_owner == 'shop' || assertion.repository_owner_id == '7'", None),
    (GITHUB, "assertion.sub.startsWith('repo:shop/')", None),
    (GITHUB, "google.subject.startsWith('repo:shop/web:')", None),
    (GITHUB, "assertion.sub.startsWith('repo:')", "any-subject"),
    (GITHUB, "assertion.sub.startsWith('repo:shop')", "any-subject"),
    (GITHUB, "assertion.repository_owner.startsWith('shop')", "any-subject"),
    (GITHUB, "assertion.sub == 'repo:shop/web:ref:refs/heads/main'", None),
    (GITHUB, "size(assertion.sub) > 3", "any-subject"),
    (GITHUB, "assertion.repository_owner ==", "any-subject"),
    ("https://gitlab.com", "", "any-subject"),
    ("https://gitlab.com", "assertion.namespace_path == 'shop'", None),
    ("https://gitlab.com/", "assertion.ref_protected == 'true'", "any-subject"),
    ("https://gitlab.example.com", "", "wide-subject"),
    ("https://app.terraform.io", "", "any-subject"),
    ("https://app.terraform.io", "assertion.terraform_organization_name == 'shop'", None),
    ("https://agent.buildkite.com", "assertion.organization_slug == 'shop'", None),
    ("https://agent.buildkite.com", "assertion.build_branch == 'main'", "any-subject"),
    (OWN, "", "wide-subject"),
    (OWN, "assertion.sub == 'x'", None),
    (OWN, "'admins' in assertion.groups", None),
    ("https://TOKEN.actions.githubusercontent.com/", "", "any-subject"),
]


@pytest.mark.parametrize(("issuer", "condition", "width"), PROVIDERS)
def test_how_wide_a_provider_is(sketch: Sketch, issuer: str, condition: str, width: str | None) -> None:
    provider(sketch, issuer, condition)
    (row,) = trusted(sketch, KEY)
    assert (row.principal_kind, row.principal, row.width) == ("federated", issuer, width)
    assert row.conditional == int(bool(condition.strip()))


def test_a_provider_for_an_account_of_amazon(sketch: Sketch) -> None:
    provider(sketch, None, aws={"accountId": "111122223333"})
    (row,) = trusted(sketch, KEY)
    assert (row.principal_kind, row.principal, row.width) == ("account", "111122223333", "wide-subject")


def test_pools_and_providers_that_are_off_let_nobody_in(sketch: Sketch) -> None:
    provider(sketch, GITHUB, disabled=True)
    assert trusted(sketch, KEY) == []
    sketch.pool("off", "shop", "77", state="DELETED")
    sketch.provider("gcp/project/shop/federation/off", "p", oidc={"issuerUri": GITHUB})
    assert trusted(sketch, "gcp/project/shop/federation/off") == []


def test_conditions_that_were_not_read_prove_nothing(sketch: Sketch) -> None:
    provider(sketch, GITHUB)
    sketch.records.gap("gcp/project/shop", "credential:federated_credential.restrictions")
    (row,) = trusted(sketch, KEY)
    assert (row.confidence, row.reason) == ("possible", "document-unread")


@pytest.mark.parametrize(
    ("issuer", "condition", "who", "width"),
    [
        (GITHUB, "", "*", "any-subject"),
        (GITHUB, "assertion.repository_owner == 'shop'", "*", "wide-subject"),
        (OWN, "", "*", "wide-subject"),
        (GITHUB, "", "attribute.repository/shop/web", None),
        (GITHUB, "", "attribute.owner/shop", "wide-subject"),
        (GITHUB, "", "attribute.event/push", "no-subject"),
        (GITHUB, "assertion.repository_owner == 'shop'", "attribute.event/push", "wide-subject"),
        (GITHUB, "", "attribute.nowhere/x", None),
        (GITHUB, "", "group/admins", "wide-subject"),
    ],
)
def test_how_wide_a_set_of_subjects_is(
    sketch: Sketch, issuer: str, condition: str, who: str, width: str | None
) -> None:
    provider(sketch, issuer, condition)
    sketch.bind(f"{POOL}/{who}", "roles/token", account(sketch))
    (row,) = trusted(sketch, account(sketch))
    assert (row.principal_kind, row.subject, row.width, row.external) == ("federated", who, width, 0)


def test_one_subject_is_no_width(sketch: Sketch) -> None:
    provider(sketch, GITHUB)
    one = POOL.replace("principalSet", "principal") + "/subject/repo:shop/web:ref:refs/heads/main"
    sketch.bind(one, "roles/token", account(sketch))
    (row,) = trusted(sketch, account(sketch))
    assert row.width is None


@pytest.mark.parametrize(
    ("member", "width"),
    [
        ("serviceAccount:shop.svc.id.goog[web/front]", None),
        (POOL.replace("hub", "shop.svc.id.goog").replace("principalSet", "principal") + "/subject/ns/a/sa/b", None),
        (POOL.replace("hub", "shop.svc.id.goog") + "/namespace/web", "wide-subject"),
        (POOL.replace("hub", "shop.svc.id.goog") + "/*", "wide-subject"),
    ],
)
def test_pods(sketch: Sketch, member: str, width: str | None) -> None:
    sketch.bind(member, "roles/token", account(sketch))
    (row,) = trusted(sketch, account(sketch))
    assert (row.principal_kind, row.width, row.principal_scope) == ("federated", width, "gcp/project/shop")


# --- what those who come in can do ---


def privilege(sketch: Sketch) -> Privilege:
    return next(row for row in ANALYZER.derive(sketch.records) if isinstance(row, Privilege) and row.key == KEY)


def test_a_pool_can_become_what_all_of_it_may_become(sketch: Sketch) -> None:
    provider(sketch, GITHUB)
    sketch.bind(f"{POOL}/*", "roles/token", account(sketch))
    row = privilege(sketch)
    assert (row.level, row.hops, row.reaches, row.conditional) == ("escalates_to_administrator", 1, 1, 0)


def test_what_some_of_a_pool_may_hangs_on_who_comes(sketch: Sketch) -> None:
    provider(sketch, GITHUB)
    sketch.bind(f"{POOL}/attribute.repository/shop/web", "roles/token", account(sketch))
    row = privilege(sketch)
    assert (row.level, row.conditional) == ("escalates_to_administrator", 1)
    path = next(
        row for row in ANALYZER.derive(sketch.records) if isinstance(row, EscalationPath) and row.principal == KEY
    )
    assert path.conditions == '["attribute.repository/shop/web"]'


def test_everybody_who_signs_in_is_not_who_comes_through_a_pool(sketch: Sketch) -> None:
    sketch.bind("allAuthenticatedUsers", "roles/token", account(sketch))
    assert privilege(sketch).level == "none"
    sketch.bind("allUsers", "roles/token", account(sketch))
    assert privilege(sketch).level == "escalates_to_administrator"


def test_a_chain_over_a_pool(sketch: Sketch) -> None:
    """Who may change a provider comes in as whom it likes."""
    sketch.project("lab")
    start = sketch.account("editor", "lab")
    sketch.role("roles/pools", ["iam.googleapis.com/workloadIdentityPoolProviders.update"])
    sketch.bind(start, "roles/pools", "gcp/project/shop")
    sketch.bind(f"{POOL}/*", "roles/token", account(sketch))
    found = [
        row for row in ANALYZER.derive(sketch.records) if isinstance(row, EscalationPath) and row.principal == start
    ]
    assert {row.method: (row.target, row.hops, row.outcome) for row in found} == {
        "gcp-update-provider": (KEY, 1, "more"),
        "chain": (account(sketch), 2, "administrator"),
    }

"""Recommender: what it saw of accounts, and of the permissions that members used, in 90 days."""

from nhiscan_gcp.simulated.answers import Json, Sizes, invalid
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldProject
from nhiscan_gcp.simulated.ids import stamp
from nhiscan_gcp.simulated.services import DAY, Call, in_project, listed, switched_on

PERIOD = 90 * DAY
ACCOUNTS, POLICIES = "google.iam.serviceAccount.Insight", "google.iam.policy.Insight"
PERMISSIONS = {
    ACCOUNTS: "recommender.iamServiceAccountInsights.list",
    POLICIES: "recommender.iamPolicyInsights.list",
}


def list_insights(call: Call) -> Json:
    """The insights of one type about a project."""
    kind = call.match["type"]
    if kind not in PERMISSIONS:
        raise invalid(f"Unknown insight type {kind}")
    held = in_project(call, PERMISSIONS[kind])
    switched_on(held, "recommender.googleapis.com")
    found = _accounts(call.estate, held) if kind == ACCOUNTS else _policies(call.estate, held)
    return listed("insights", *call.page(f"{kind} of {held.id}", found, Sizes(100, 1000)))


def _accounts(estate: Estate, held: HeldProject) -> list[Json]:
    accounts = {one.account.name: one for one in estate.accounts[held.id]}
    found = []
    for insight in held.project.insights:
        account = accounts[insight.account]
        content: Json = {"email": account.email, "projectId": held.id, "serviceAccountId": account.unique_id}
        if insight.last_used_at is not None:
            content["lastAuthenticatedTime"] = stamp(insight.last_used_at)
        words = "Service account is inactive."
        about = (insight.subtype, account.asset(), insight.account)
        found.append(_insight(estate, held, ACCOUNTS, about, words, content, insight.refreshed_at))
    return found


def _policies(estate: Estate, held: HeldProject) -> list[Json]:
    found = []
    roles = {role.id: role for role in estate.predefined}
    for insight in held.project.policy_insights:
        total = len(roles[insight.role].permissions) if insight.role in roles else len(insight.used)
        content: Json = {
            "member": estate.member(insight.member),
            "role": insight.role,
            "condition": {"title": "", "expression": "", "description": "", "location": ""},
            "exercisedPermissions": [{"permission": one} for one in insight.used],
            "inferredPermissions": [],
            "currentTotalPermissionsCount": str(total),
        }
        words = f"{len(insight.used)} of the permissions in this role binding were used in the past 90 days."
        place = f"//cloudresourcemanager.googleapis.com/projects/{held.number}"
        about = ("PERMISSIONS_USAGE", place, f"{insight.member} {insight.role}")
        found.append(_insight(estate, held, POLICIES, about, words, content, insight.refreshed_at))
    return found


def _insight(
    estate: Estate, held: HeldProject, kind: str, about: tuple[str, str, str], words: str, content: Json, at: int
) -> Json:
    """``about``: subtype, resource and what tells it from the others of its kind in the project."""
    subtype, resource, what = about
    uuid = estate.ids.uuid("insight", held.id, kind, what)
    return {
        "name": f"projects/{held.number}/locations/global/insightTypes/{kind}/insights/{uuid}",
        "description": words,
        "content": content,
        "lastRefreshTime": stamp(at),
        "observationPeriod": f"{PERIOD}s",
        "stateInfo": {"state": "ACTIVE"},
        "category": "SECURITY",
        "insightSubtype": subtype,
        "severity": "LOW",
        "targetResources": [resource],
        "etag": estate.ids.etag("insight", uuid),
    }

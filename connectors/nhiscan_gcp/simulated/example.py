"""A small organisation with something of everything: two folders, four projects that live and one that does not."""

from nhiscan_gcp.simulated.world import (
    ApiKey,
    Binding,
    Caller,
    Condition,
    Constraint,
    Folder,
    HmacKey,
    Insight,
    Key,
    Organization,
    PolicyInsight,
    Pool,
    Project,
    Provider,
    Role,
    ServiceAccount,
    Workload,
    World,
)

DAY = 86_400
ORGANIZATION = "240000000001"
LIVE, TESTS = "510000000001", "510000000002"  # folders, the second inside the first
SHOP, SHOP_NUMBER = "shop-live", "700000000001"
LAB, LAB_NUMBER = "shop-lab", "700000000002"
OPS, OPS_NUMBER = "shop-ops", "700000000003"
BARE, BARE_NUMBER = "shop-bare", "700000000004"
ISSUER = "https://token.actions.githubusercontent.com"


def account(name: str, project: str) -> str:
    """The member of a service account."""
    return f"serviceAccount:{name}@{project}.iam.gserviceaccount.com"


def example(now: int) -> World:
    """The organisation as of ``now``. The caller lives in the project ``shop-ops``."""
    deploy = ServiceAccount(
        "deploy",
        now - 700 * DAY,
        created_by="user:eve@example.com",  # too long ago for the audit log
        display_name="Deployments",
        description="owner: ann@example.com",
        keys=(
            Key(now - 400 * DAY, used_at=now - 3 * DAY),
            Key(now - 90 * DAY, valid_before=now + 275 * DAY, uploaded=True, created_by=account("ci", LAB)),
            Key(
                now - 300 * DAY,
                disabled=True,
                disable_reason="EXPOSED",
                exposed="https://code.example.com/leak",
                created_by="user:bob@example.com",
            ),
            Key(now - 9 * DAY, valid_before=now + 6 * DAY, user_managed=False, used_at=now - 2 * DAY),
        ),
        bindings=(
            Binding("roles/iam.serviceAccountTokenCreator", (account("ci", LAB), "user:ann@example.com")),
            Binding("roles/iam.workloadIdentityUser", (_federated("attribute.repository/shop/web"),)),
        ),
        used_at=now - 2 * DAY,
    )
    compute = ServiceAccount(
        "compute",
        now - 700 * DAY,
        display_name="Compute Engine default service account",
        email=f"{SHOP_NUMBER}-compute@developer.gserviceaccount.com",
        keys=(Key(now - 9 * DAY, valid_before=now + 6 * DAY, user_managed=False),),
    )
    shop = Project(
        SHOP,
        now - 800 * DAY,
        name="Shop",
        labels={"env": "live"},
        parent=LIVE,
        number=SHOP_NUMBER,
        accounts=(deploy, compute, ServiceAccount("old", now - 600 * DAY, deleted=True, unique_id="1" * 21)),
        api_keys=(
            ApiKey("maps", now - 500 * DAY, targets=("maps-backend.googleapis.com",), clients="browser"),
            ApiKey("everything", now - 20 * DAY, created_by="user:bob@example.com", used_at=now - 4 * DAY),
            ApiKey("retired", now - 300 * DAY, targets=("maps-backend.googleapis.com",), deleted_at=now - 5 * DAY),
        ),
        hmac_keys=(HmacKey("deploy", now - 200 * DAY), HmacKey("compute", now - 100 * DAY, "INACTIVE")),
        workloads=(
            Workload("web-1", "instance", compute.email),
            Workload("bastion", "instance"),
            Workload("orders", "function", f"deploy@{SHOP}.iam.gserviceaccount.com"),
            Workload("cart", "service"),
            Workload("nightly", "job", f"ci@{LAB}.iam.gserviceaccount.com"),
            Workload("v1", "version"),
        ),
        roles=(Role("shopper", ("storage.objects.get", "storage.objects.list"), "Shopper"),),
        pools=(
            Pool(
                "code",
                (
                    Provider("hub", ISSUER, condition="assertion.repository_owner == 'shop'"),
                    Provider("open", ISSUER, audiences=("sts",)),
                ),
            ),
        ),
        bindings=(
            Binding("roles/editor", (f"serviceAccount:{compute.email}",)),
            Binding(f"projects/{SHOP}/roles/shopper", (account("deploy", SHOP), "allAuthenticatedUsers")),
            Binding("roles/viewer", (account("old", SHOP), "group:staff@example.com", account("gone", "elsewhere"))),
            Binding("roles/storage.admin", (account("deploy", SHOP),), Condition("office hours", "request.time < x")),
            Binding("roles/storage.admin", (account("deploy", SHOP),), Condition("weekend", "request.time > x")),
            Binding("roles/compute.serviceAgent", (f"serviceAccount:service-{SHOP_NUMBER}@compute-system.iam.x",)),
        ),
        constraints=(Constraint("iam.disableServiceAccountKeyCreation", enforced=False),),
        insights=(Insight("compute", refreshed_at=now - DAY),),
        policy_insights=(
            PolicyInsight(f"serviceAccount:{compute.email}", "roles/editor", ("compute.instances.create",), now - DAY),
            PolicyInsight(account("deploy", SHOP), "roles/storage.admin", refreshed_at=now - DAY),
            PolicyInsight(account("deploy", SHOP), f"projects/{SHOP}/roles/shopper", refreshed_at=now - DAY),
            PolicyInsight("group:staff@example.com", "roles/viewer", ("compute.instances.get",), now - DAY),
        ),
    )
    ci = ServiceAccount(
        "ci",
        now - 300 * DAY,
        disabled=True,
        created_by="user:ann@example.com",
        keys=(Key(now - 300 * DAY, used_at=now - 200 * DAY),),
    )
    lab = Project(
        LAB,
        now - 400 * DAY,
        parent=TESTS,
        number=LAB_NUMBER,
        accounts=(ci,),
        api_keys=(ApiKey("acts", now - 30 * DAY, service_account=f"ci@{LAB}.iam.gserviceaccount.com"),),
        bindings=(Binding("roles/owner", ("user:ann@example.com", account("deploy", SHOP))),),
    )
    ops = Project(
        OPS,
        now - 900 * DAY,
        number=OPS_NUMBER,
        accounts=(ServiceAccount("nhiscan", now - 100 * DAY, keys=(Key(now - 50 * DAY, used_at=now - DAY),)),),
    )
    bare = Project(BARE, now - 5 * DAY, number=BARE_NUMBER)
    return World(
        (shop, lab, ops, bare, Project("shop-gone", now - 99 * DAY, deleted_at=now - DAY, number="700000000009")),
        organization=Organization(
            ORGANIZATION,
            "example.com",
            bindings=(
                Binding("roles/resourcemanager.organizationAdmin", ("user:root@example.com",)),
                Binding(f"organizations/{ORGANIZATION}/roles/auditor", (account("nhiscan", OPS), "domain:example.com")),
            ),
            roles=(Role("auditor", ("resourcemanager.projects.get",), "Auditor"),),
            constraints=(Constraint("iam.disableServiceAccountKeyCreation", enforced=True),),
        ),
        folders=(
            Folder(LIVE, "Live", bindings=(Binding("roles/viewer", (account("ci", LAB),)),)),
            Folder(TESTS, "Tests", parent=LIVE),
        ),
        roles=ROLES,
        caller=Caller(OPS),
    )


def _federated(who: str) -> str:
    pool = f"projects/{SHOP_NUMBER}/locations/global/workloadIdentityPools/code"
    return f"principalSet://iam.googleapis.com/{pool}/{who}"


ROLES = (
    Role("roles/owner", ("iam.serviceAccountKeys.create", "resourcemanager.projects.setIamPolicy"), "Owner"),
    Role("roles/editor", ("compute.instances.create", "iam.serviceAccounts.actAs"), "Editor"),
    Role("roles/viewer", ("compute.instances.get", "resourcemanager.projects.get"), "Viewer"),
    Role("roles/storage.admin", ("storage.buckets.setIamPolicy", "storage.objects.get"), "Storage Admin"),
    Role("roles/iam.serviceAccountTokenCreator", ("iam.serviceAccounts.getAccessToken",), "Token Creator"),
    Role("roles/iam.workloadIdentityUser", ("iam.serviceAccounts.getAccessToken",), "Workload Identity User"),
    Role("roles/resourcemanager.organizationAdmin", ("resourcemanager.organizations.setIamPolicy",), "Org Admin"),
    Role("roles/compute.serviceAgent", ("compute.instances.get",), "Compute Engine Service Agent"),
    Role("roles/pubsub.viewer", ("pubsub.topics.get",), "Pub/Sub Viewer", stage="ALPHA"),
)
"""Predefined roles. The last one is bound nowhere."""

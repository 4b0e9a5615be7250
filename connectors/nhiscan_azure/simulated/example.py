"""A small tenant with something of everything: applications, vendors, two subscriptions below a management group."""

from nhiscan_azure.simulated.entra import (
    GRAPH,
    MICROSOFT_TENANT,
    Application,
    Certificate,
    Delegated,
    Directory,
    DirectoryRole,
    Federated,
    Granted,
    Group,
    Permission,
    Policies,
    Restriction,
    RoleHolder,
    Secret,
    ServicePrincipal,
    SignIns,
    User,
)
from nhiscan_azure.simulated.world import (
    AccessPolicy,
    Assignment,
    Denial,
    ManagedIdentity,
    ManagementGroup,
    Resource,
    ResourceGroup,
    Role,
    StorageAccount,
    Subscription,
    Vault,
    VaultItem,
    World,
)

DAY = 86_400
TENANT = "1a2b3c4d-0000-4000-a000-000000000001"
LIVE, LAB = "1a2b3c4d-0000-4000-a000-0000000000a1", "1a2b3c4d-0000-4000-a000-0000000000a2"  # subscriptions
VENDOR_TENANT = "9f8e7d6c-0000-4000-a000-000000000009"
GONE = "dddddddd-0000-4000-a000-00000000dead"
"""An object id that nobody has any more."""
ISSUER = "https://token.actions.githubusercontent.com"


def example(now: int) -> World:
    """The tenant as of ``now``."""
    return World(
        directory=directory(now),
        management_groups=(
            ManagementGroup("platform", "Platform", None, (Assignment("deploy", "Contributor", now - 300 * DAY),)),
            ManagementGroup("shop", "Shop", parent="platform"),
        ),
        subscriptions=(_live(now), Subscription("lab", id=LAB, groups=(_lab(now),))),
        roles=(
            Role("Key Reader", ("Microsoft.Storage/storageAccounts/listKeys/action",), scopes=("live",)),
            Role("Grants Reader", ("Microsoft.Authorization/roleAssignments/write",), scopes=("live",),
                 condition="@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] "
                 "ForAnyOfAnyValues:GuidEquals {acdd72a7-3385-48ef-bd42-f606fba81ae7}"),
            Role("Deployer",
                 ("Microsoft.Resources/deployments/*", "Microsoft.Compute/virtualMachines/runCommand/action"),
                 ("Microsoft.Resources/deployments/delete",), scopes=("platform",)),
        ),
        root=(Assignment("ann", "Owner", now - 900 * DAY),),
        tenant=TENANT,
    )  # fmt: skip


def directory(now: int) -> Directory:
    """Entra ID of the tenant."""
    deploy = Application(
        "deploy",
        now - 700 * DAY,
        secrets=(
            Secret(now - 400 * DAY, now + 330 * DAY, "pipeline", used_at=now - 2 * DAY),
            Secret(now - 700 * DAY, None, "old"),
            Secret(now - 500 * DAY, now - 135 * DAY, None),
        ),
        certificates=(Certificate(now - 100 * DAY, now + 265 * DAY, "CN=deploy", used_at=now - 40 * DAY),),
        federated=(
            Federated("main", ISSUER, "repo:shop/web:ref:refs/heads/main", description="releases"),
            Federated("any", ISSUER, "repo:shop/web:pull_request"),
        ),
        owners=("ann", "leaver"),
        requires=((GRAPH, "User.Read.All"), (GRAPH, "Mail.Read")),
        principal=ServicePrincipal(
            granted=(Granted("Application.ReadWrite.All", created_at=now - 600 * DAY), Granted("Mail.Read")),
            owners=("ann",),
            sign_ins=SignIns(client=now - 2 * DAY, delegated_client=now - 90 * DAY),
        ),
        tags=("WindowsAzureActiveDirectoryIntegratedApp",),
        notes="owner: ann@example.com",
        locked=True,
    )
    portal = Application(
        "portal",
        now - 200 * DAY,
        audience="AzureADMultipleOrgs",
        offers=(Permission("Orders.Read.All", title="Read orders"), Permission("access_as_user", "Scope")),
        principal=ServicePrincipal(
            certificates=(
                Certificate(now - 300 * DAY, now + 795 * DAY, "CN=Microsoft Azure Federated SSO", usage="Sign"),
                Certificate(now - 300 * DAY, now + 795 * DAY, "CN=Microsoft Azure Federated SSO"),
            ),
            secrets=(Secret(now - 300 * DAY, now + 795 * DAY, "saml"),),
            single_sign_on="saml",
            enabled=False,
            granted=(Granted("", "portal"),),
        ),
        owners=("gone-group-owner",),
        redirects=("https://portal.example.com/callback",),
    )
    return Directory(
        title="Example Shop",
        created_at=now - 2000 * DAY,
        users=(
            User("ann", "Ann Admin", created_at=now - 1500 * DAY, hired_at=now - 1500 * DAY, signed_in_at=now - DAY),
            User("leaver", "Lee Aver", enabled=False, created_at=now - 1200 * DAY, left_at=now - 30 * DAY),
            User("guest", "Gus Guest", guest=True, created_at=now - 100 * DAY, address="gus@partner.example"),
            User("gone-group-owner", "Gone", created_at=now - 90 * DAY, signed_in_at=now - 80 * DAY),
        ),
        groups=(
            Group("operators", ("ann", "inner"), owners=("ann",), role_assignable=True, created_at=now - 900 * DAY),
            Group("inner", ("deploy", "leaver", "operators"), created_at=now - 800 * DAY),
        ),
        applications=(
            deploy,
            portal,
            Application("vanishing", now - 3 * DAY, vanishes=True),
            Application("unborn", now - 10 * DAY, secrets=(Secret(now - 10 * DAY, now + 80 * DAY),), principal=None),
            Application("helper-blueprint", now - 50 * DAY, blueprint=True),
        ),
        principals=(
            ServicePrincipal(
                "Parcel Vendor",
                tenant=VENDOR_TENANT,
                granted=(Granted("Files.Read.All", created_at=now - 50 * DAY), Granted("Orders.Read.All", "portal")),
                delegated=(Delegated("User.Read Mail.ReadWrite"), Delegated("openid", user="ann")),
                publisher="Parcel Vendor Inc.",
                sign_ins=SignIns(client=now - 200 * DAY),
            ),
            ServicePrincipal("Office Thing", tenant=MICROSOFT_TENANT),
            ServicePrincipal("old-style", "Legacy", secrets=(Secret(now - 1900 * DAY, None, used_at=now - 700 * DAY),)),
            ServicePrincipal("helper", agent_of="helper-blueprint", created_at=now - 40 * DAY),
        ),
        roles=(DirectoryRole("App Keeper", ("microsoft.directory/applications/credentials/update",)),),
        holders=(
            RoleHolder("Global Administrator", "ann"),
            RoleHolder("Application Administrator", "old-style", start=now - 900 * DAY),
            RoleHolder("App Keeper", "operators"),
            RoleHolder(
                "Privileged Role Administrator", "deploy", eligible=True, start=now - 9 * DAY, end=now + 90 * DAY
            ),
            RoleHolder("Directory Readers", GONE),
        ),
        policies=Policies(
            management_enabled=True,
            applications=(Restriction("passwordLifetime", 180), Restriction("asymmetricKeyLifetime", 365, "disabled")),
            principals=(Restriction("passwordAddition", apps_after=now - 365 * DAY),),
        ),
    )


def _live(now: int) -> Subscription:
    group = ResourceGroup(
        "shop-rg",
        (
            ManagedIdentity("runner", (Federated("aks", "https://oidc.example.com/1", "system:serviceaccount:a:b"),)),
            StorageAccount("shopdata", now - 900 * DAY, (now - 900 * DAY, now - 20 * DAY), expiry_days=90),
            StorageAccount("shoplogs", now - 90 * DAY, (None, None), shared_key=False, sas_period="1.00:00:00",
                           system=True),
            Vault(
                "shopvault",
                (
                    VaultItem("database", now - 400 * DAY, expires=now - 10 * DAY),
                    VaultItem("api", now - 40 * DAY, enabled=False, content_type="text/plain"),
                    VaultItem("signing", now - 300 * DAY, "key", rotates="P90D"),
                ),
                rbac=False,
                policies=(AccessPolicy("deploy", ("get", "list")),),
            ),
            Resource("Microsoft.CognitiveServices/accounts", "shop-ai", kind="OpenAI", sku="S0", system=True,
                     properties={"endpoint": "https://shop-ai.example/", "provisioningState": "Succeeded"}),
            Resource("Microsoft.Compute/virtualMachines", "web-1", identities=("runner",), system=True,
                     properties={"provisioningState": "Succeeded"},
                     assignments=(Assignment("operators", "Virtual Machine Contributor"),)),
        ),
        assignments=(
            Assignment("runner", "Key Vault Secrets User", now - 100 * DAY),
            Assignment(GONE, "Contributor", now - 700 * DAY, kind="ServicePrincipal"),
            Assignment("web-1", "Storage Blob Data Contributor", condition="@Resource[name] StringEquals 'a'"),
        ),
        denials=(Denial("managed application", ("*/delete",), except_for=("ann",)),),
    )  # fmt: skip
    return Subscription(
        "live",
        (group, ResourceGroup("empty-rg")),
        parent="shop",
        id=LIVE,
        assignments=(
            Assignment("deploy", "Owner", now - 500 * DAY, description="by hand"),
            Assignment("operators", "User Access Administrator", now - 300 * DAY),
            Assignment("Parcel Vendor", "Reader", now - 50 * DAY),
            Assignment("ann", "Contributor", now - 5 * DAY, eligible=True, end=now + 60 * DAY),
            Assignment("leaver", "Key Reader", now - DAY, activated=True, end=now + DAY),
        ),
        classic=(("root@example.com", "ServiceAdministrator;AccountAdministrator"),),
        tags={"env": "live"},
    )


def _lab(now: int) -> ResourceGroup:
    return ResourceGroup(
        "lab-rg",
        (
            ManagedIdentity("lab-runner", sign_ins=SignIns(client=now - DAY)),
            Resource("Microsoft.ServiceBus/namespaces", "lab-bus", properties={"disableLocalAuth": True}),
        ),
        assignments=(Assignment("lab-runner", "Contributor", now - 30 * DAY),),
    )

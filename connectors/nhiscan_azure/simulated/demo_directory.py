"""Entra ID of the demo company: its applications, vendors, agents, groups, and who administers them."""

from nhiscan_azure.simulated.demo_parts import ACTIONS, CLUSTER, COURIER_TENANT, SCANNER, VENDOR_TENANT, Parts
from nhiscan_azure.simulated.entra import (
    GRAPH,
    MICROSOFT_TENANT,
    Application,
    Certificate,
    Delegated,
    Directory,
    Federated,
    Granted,
    Group,
    Permission,
    Policies,
    RoleHolder,
    Secret,
    ServicePrincipal,
)

_SSO, _SAML = "CN=Microsoft Azure Federated SSO", "5e0a7c4d-8b21-4f96-a3d7-1c2b3a4f5e77"


def directory(parts: Parts) -> Directory:
    """Entra ID with P2. Nobody has switched on a policy that limits secrets."""
    return Directory(
        domain="example.com",
        title="Lanternfish Logistics",
        users=parts.people(),
        groups=groups(parts),
        applications=(*platform(parts), *products(parts), *leftovers(parts)),
        principals=vendors(parts),
        holders=(
            RoleHolder("Global Administrator", parts.name("Amara Okafor")),
            RoleHolder("Application Administrator", parts.name("Kavya Rao")),
            RoleHolder("Privileged Role Administrator", parts.name("Elif Demir"), eligible=True, start=parts.ago(40)),
            RoleHolder("Directory Readers", "hr-sync"),
            # made to manage groups of the help desk, and stayed
            RoleHolder("User Administrator", "helpdesk-bot", start=parts.ago(640)),
        ),
        policies=Policies(management_enabled=False, users_create_apps=True),
        created_at=parts.ago(2900),
    )


def groups(parts: Parts) -> tuple[Group, ...]:
    return (
        Group("cloud-admins", (parts.name("Amara Okafor"), "pipeline-runners"), (parts.name("Amara Okafor"),),
              role_assignable=True, created_at=parts.ago(2000)),
        # inside the administrators so that one deployment would go through
        Group("pipeline-runners", ("deploy-bot",), (parts.name("Omar Said"),), created_at=parts.ago(700)),
        Group("data-team", (parts.name("Chen Wei"), parts.name("Mei Tanaka"), parts.name("Dana Novak")),
              (parts.name("Dana Novak"),), created_at=parts.ago(1500)),
    )  # fmt: skip


def platform(parts: Parts) -> tuple[Application, ...]:
    """What runs the tenant."""
    return (
        parts.app(
            SCANNER,
            200,
            ("Elif Demir",),
            ServicePrincipal(sign_ins=parts.used(1)),
            secrets=(parts.secret(12, 90, 1, "inventory"),),
        ),
        # owns every subscription, with a secret that never ends and is older than the person who keeps it is with us
        parts.app(
            "terraform",
            1450,
            ("Hugo Marin",),
            ServicePrincipal(sign_ins=parts.used(1)),
            secrets=(parts.secret(1449, None, 1, "terraform cloud"),),
        ),
        parts.app(
            "deploy-bot",
            720,
            ("Omar Said",),
            ServicePrincipal(sign_ins=parts.used(1)),
            federated=(
                Federated("main", ACTIONS, "repo:lanternfish/tracking:ref:refs/heads/main", description="releases"),
                # whoever opens a pull request deploys
                Federated("preview", ACTIONS, "repo:lanternfish/tracking:pull_request"),
            ),
        ),
        # may give any role of the directory to anybody; its owner works in support
        parts.app(
            "hr-sync",
            980,
            ("Nadia Petrova",),
            ServicePrincipal(
                granted=(
                    Granted("RoleManagement.ReadWrite.Directory", created_at=parts.ago(970)),
                    Granted("User.ReadWrite.All", created_at=parts.ago(970)),
                ),
                sign_ins=parts.used(2),
            ),
            secrets=(parts.secret(400, 730, 2), parts.secret(60, 730, 1)),
            requires=((GRAPH, "RoleManagement.ReadWrite.Directory"), (GRAPH, "User.ReadWrite.All")),
        ),
        parts.app(
            "helpdesk-bot",
            650,
            ("Nadia Petrova",),
            ServicePrincipal(sign_ins=parts.used(3)),
            secrets=(parts.secret(200, 365, 3),),
        ),
        # its owner left in December and is no user any more
        parts.app(
            "mail-archive",
            1300,
            ("Liam Byrne",),
            ServicePrincipal(
                granted=(Granted("Mail.ReadWrite", created_at=parts.ago(1290)), Granted("Files.Read.All")),
                sign_ins=parts.used(1),
            ),
            certificates=(Certificate(parts.ago(1290), parts.ahead(535), "CN=mail-archive", used_at=parts.ago(1)),),
        ),
    )


def products(parts: Parts) -> tuple[Application, ...]:
    """What customers and colleagues use."""
    return (
        # nothing is wrong with it
        parts.app(
            "tracking-web",
            610,
            ("Ines Costa", "Jonas Weber"),
            ServicePrincipal(sign_ins=parts.used(1)),
            federated=(Federated("cluster", CLUSTER, "system:serviceaccount:tracking:web"),),
            locked=True,
        ),
        parts.app(
            "parcel-api",
            820,
            ("Ines Costa",),
            ServicePrincipal(sign_ins=parts.used(1)),
            audience="AzureADMultipleOrgs",
            offers=(Permission("Parcels.Read.All", title="Read parcels"), Permission("Parcels.Read", "Scope")),
            locked=False,
        ),
        parts.app(
            "churn-forecast",
            1080,
            ("Dana Novak",),
            ServicePrincipal(sign_ins=parts.used(20)),
            secrets=(parts.secret(1075, 1825, 20),),
        ),
        # SAML: one certificate in three entries, which signs for people and lets nobody in as the application
        parts.app(
            "travel-portal",
            300,
            ("Kavya Rao",),
            ServicePrincipal(
                certificates=(
                    Certificate(
                        parts.ago(300), parts.ahead(795), _SSO, usage="Sign", type="X509CertAndPassword", id=_SAML
                    ),
                    Certificate(parts.ago(300), parts.ahead(795), _SSO),
                ),
                secrets=(Secret(parts.ago(300), parts.ahead(795), _SSO, id=_SAML),),
                single_sign_on="saml",
                tags=("WindowsAzureActiveDirectoryIntegratedApp",),
            ),
        ),
        # an agent of artificial intelligence and what it was made from
        parts.app("parcel-assistant", 90, ("Jonas Weber",), None, blueprint=True),
        # names that try to be something else
        parts.app(
            '=HYPERLINK("http://127.0.0.1","labels")',
            410,
            ("Ines Costa",),
            ServicePrincipal(sign_ins=parts.used(8)),
            secrets=(parts.secret(55, 180, 8),),
            notes="<img src=x onerror=alert(1)>\u2028new line",
        ),
    )  # fmt: skip


def leftovers(parts: Parts) -> tuple[Application, ...]:
    """What nobody takes away."""
    return (
        # ended in spring; the secret still lies there, and so does another
        parts.app(
            "invoice-export",
            900,
            (),
            ServicePrincipal(sign_ins=parts.used(190)),
            secrets=(parts.secret(560, 365, 195), parts.secret(900, 730)),
        ),
        # switched off after an audit, and nothing was taken away from it
        parts.app(
            "audit-2024",
            760,
            ("Kavya Rao",),
            ServicePrincipal(enabled=False),
            secrets=(parts.secret(760, 1095),),
        ),
        # of two secrets one is at work; the other was for a machine that is gone
        parts.app(
            "label-printer",
            480,
            ("Jonas Weber",),
            ServicePrincipal(sign_ins=parts.used(1)),
            secrets=(parts.secret(170, 180, 1, "warehouse"), parts.secret(175, 180, 140, "old warehouse")),
        ),
        parts.app("prototype", 520, ("Farid Haddad",), None, secrets=(parts.secret(520, 1825),)),
    )


def vendors(parts: Parts) -> tuple[ServicePrincipal, ...]:
    """Applications of other tenants, and Microsoft's own."""
    return (
        # reads every mailbox and file, by the consent of one administrator; nobody verified who it is
        ServicePrincipal(
            "ParcelBoost Insights",
            tenant=VENDOR_TENANT,
            granted=(Granted("Files.Read.All", created_at=parts.ago(410)),),
            delegated=(Delegated("Mail.ReadWrite User.Read offline_access"),),
            sign_ins=parts.used(4),
        ),
        ServicePrincipal(
            "Courierly",
            tenant=COURIER_TENANT,
            granted=(Granted("Parcels.Read.All", "parcel-api", created_at=parts.ago(260)),),
            publisher="Courierly GmbH",
            sign_ins=parts.used(1),
        ),
        ServicePrincipal("Office 365 Exchange Online", tenant=MICROSOFT_TENANT),
        ServicePrincipal(
            "desk-agent",
            agent_of="parcel-assistant",
            created_at=parts.ago(80),
            granted=(Granted("Mail.Send", created_at=parts.ago(80)),),
        ),
    )

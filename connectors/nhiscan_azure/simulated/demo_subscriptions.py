"""Azure of the demo company: three subscriptions, what runs in them, and who may do what on it."""

from typing import Any

from nhiscan_azure.simulated.demo_parts import ACQUIRED, CLUSTER, GONE, OPERATIONS, PRODUCTION, Parts
from nhiscan_azure.simulated.entra import Federated
from nhiscan_azure.simulated.world import (
    AccessPolicy,
    Assignment,
    ManagedIdentity,
    Resource,
    ResourceGroup,
    StorageAccount,
    Subscription,
    Vault,
    VaultItem,
)

_SUCCEEDED = {"provisioningState": "Succeeded"}


def operations(parts: Parts) -> Subscription:
    """From here the tenant is run. A machine of it may give roles away, and the help desk may run commands on it."""
    return Subscription(
        "Operations",
        (
            ResourceGroup(
                "automation",
                (
                    _machine("jump-1", system=True),
                    Resource(
                        "Microsoft.Automation/automationAccounts", "nightly", properties={"state": "Ok"}, system=True
                    ),
                    StorageAccount("lfterraformstate", parts.ago(1440), (parts.ago(1440), parts.ago(1440))),
                ),
                assignments=(
                    Assignment("jump-1", "User Access Administrator", parts.ago(500)),
                    Assignment("helpdesk-bot", "Virtual Machine Contributor", parts.ago(480)),
                ),
            ),
            ResourceGroup(
                "secrets",
                (
                    Vault(
                        "lf-operations",
                        (
                            VaultItem("terraform-token", parts.ago(1400)),
                            VaultItem("pager", parts.ago(90), expires=parts.ahead(275)),
                            VaultItem("disk", parts.ago(300), "key", expires=parts.ahead(65), rotates="P330D"),
                        ),
                        rbac=False,
                        policies=(AccessPolicy("terraform", ("get", "list", "set")),),
                    ),
                ),
            ),
        ),
        parent="platform",
        id=OPERATIONS,
        tags={"env": "shared", "team": "platform"},
        assignments=(
            Assignment("nightly", "Contributor", parts.ago(800)),
            Assignment("audit-2024", "Reader", parts.ago(755)),
        ),
    )


def production(parts: Parts) -> Subscription:
    """What customers use."""
    return Subscription(
        "Production",
        (
            ResourceGroup(
                "tracking",
                (
                    ManagedIdentity(
                        "tracking-pods",
                        (Federated("pods", CLUSTER, "system:serviceaccount:tracking:api"),),
                        sign_ins=parts.used(1),
                        tags={"owner": "ines.costa@example.com"},
                    ),
                    _cluster("tracking-aks", "tracking-pods"),
                    StorageAccount(
                        "lflabels",
                        parts.ago(420),
                        (parts.ago(60), parts.ago(25)),
                        expiry_days=90,
                        sas_period="1.00:00:00",
                        tags={"owner": "jonas.weber@example.com"},
                    ),
                    StorageAccount("lftracking", parts.ago(900), (parts.ago(900), parts.ago(900)), shared_key=False),
                    Vault(
                        "lf-tracking",
                        (
                            VaultItem("maps-key", parts.ago(700)),
                            VaultItem("courier-webhook", parts.ago(200), expires=parts.ago(14)),
                            VaultItem("signing", parts.ago(150), "key", expires=parts.ahead(215)),
                        ),
                        assignments=(Assignment("tracking-pods", "Key Vault Secrets User", parts.ago(400)),),
                    ),
                ),
                assignments=(
                    Assignment("tracking-pods", "Storage Blob Data Contributor", parts.ago(400)),
                    Assignment("tracking-web", "Reader", parts.ago(600)),
                ),
            ),
            ResourceGroup(
                "intelligence",
                (
                    # keys of a language model that anybody who finds one can use
                    Resource(
                        "Microsoft.CognitiveServices/accounts",
                        "lf-assistant",
                        kind="OpenAI",
                        sku="S0",
                        properties={**_SUCCEEDED, "dateCreated": "2025-08-04T08:00:00.0000000Z"},
                    ),
                    Resource(
                        "Microsoft.CognitiveServices/accounts",
                        "lf-vision",
                        kind="ComputerVision",
                        sku="S1",
                        properties={**_SUCCEEDED, "disableLocalAuth": True},
                    ),
                    Resource("Microsoft.DocumentDB/databaseAccounts", "lf-parcels", properties=_SUCCEEDED),
                    Resource(
                        "Microsoft.ServiceBus/namespaces",
                        "lf-events",
                        properties={**_SUCCEEDED, "disableLocalAuth": True},
                    ),
                ),
            ),
        ),
        parent="production",
        id=PRODUCTION,
        tags={"env": "production", "team": "mobile"},
        assignments=(
            Assignment("deploy-bot", "Contributor", parts.ago(700)),
            # deleted, and nobody took this away
            Assignment(GONE, "Contributor", parts.ago(1100), kind="ServicePrincipal"),
            Assignment("ParcelBoost Insights", "Reader", parts.ago(400)),
            Assignment("churn-forecast", "Storage Account Contributor", parts.ago(1070)),
            Assignment(parts.name("Kavya Rao"), "Owner", parts.ago(20), eligible=True, end=parts.ahead(160)),
        ),
    )


def acquired(parts: Parts) -> Subscription:
    """Not moved into a management group yet. Whoever bought it was not told who may read its vault."""
    return Subscription(
        "Quickparcel",
        (
            ResourceGroup(
                "erp",
                (
                    _machine("erp-1", system=True),
                    StorageAccount("quickparcelerp", parts.ago(2400), (None, None)),
                    Vault("quickparcel", (VaultItem("erp", parts.ago(2300)),)),
                ),
                assignments=(Assignment("erp-1", "Contributor", parts.ago(2300)),),
            ),
        ),
        id=ACQUIRED,
        assignments=(Assignment("invoice-export", "Owner", parts.ago(890)),),
        classic=(("founder@quickparcel.example", "ServiceAdministrator;AccountAdministrator"),),
    )


def _machine(name: str, **more: Any) -> Resource:
    return Resource("Microsoft.Compute/virtualMachines", name, properties=_SUCCEEDED, **more)


def _cluster(name: str, *identities: str) -> Resource:
    properties = {**_SUCCEEDED, "disableLocalAccounts": True}
    kind = "Microsoft.ContainerService/managedClusters"
    return Resource(kind, name, properties=properties, identities=identities)

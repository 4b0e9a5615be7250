"""What is wrong in the demo company's Entra ID and Azure, by rule: the truth against which a test holds the findings.

Subjects are named as the report names them.
"""

from collections.abc import Mapping

from nhiscan_azure.simulated.demo_parts import ACTIONS, GONE, TENANT

WELL_KEPT = "tracking-web"
"""The application with which nothing is wrong: owners, no secret, one workload that may become it, one small role."""
SINGLE_SIGN_ON = "travel-portal"
"""Its certificate signs for people: no rule on secrets of applications may speak of it."""

EXPECTED: Mapping[str, tuple[str, ...]] = {
    # the former owner of the acquired company denies two calls
    "scan-coverage-gap": ("keyvault.keys", "keyvault.secrets"),
    # their owners left; of one nobody thought when the accounts were switched off. Each with its principal
    "owner-left": ("churn-forecast", "churn-forecast", "terraform", "terraform"),
    # the last one owns every subscription
    "credential-never-expires": (
        "lf-operations/terraform-token of lf-operations",
        "lf-tracking/maps-key of lf-tracking",
        "terraform cloud of terraform",
    ),
    "app-credential-unused": ("old warehouse of label-printer",),
    # deleted by hand; its role was left
    "grant-to-unknown-principal": (f"Contributor to azure/tenant/{TENANT}/object/{GONE}",),
    "classic-administrator-present": ("Quickparcel",),
    "unverified-publisher-app": ("ParcelBoost Insights",),
    "federated-credential-too-wide": (f"deploy-bot trusts {ACTIONS}",),
    "storage-account-key-not-rotated": (
        "lfterraformstate, key 1 of lfterraformstate",
        "lfterraformstate, key 2 of lfterraformstate",
    ),
    # it was to manage groups
    "privileged-directory-role": ("helpdesk-bot",),
    # switched off after the audit
    "disabled-identity-with-grants": ("audit-2024",),
    "disabled-identity-with-credentials": ("audit-2024",),
}
"""Rule -> all its subjects."""

AMONG: Mapping[str, str] = {
    # owns the application that may give any role of the directory to anybody, and works in support
    "privilege-escalation": "nadia.petrova@example.com",
    # may take up Owner of production
    "admin-access": "kavya.rao@example.com",
}
"""Rule -> one of its subjects."""

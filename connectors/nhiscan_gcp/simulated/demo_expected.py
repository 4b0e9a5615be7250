"""What is wrong in the demo company's Google Cloud, by rule: the truth against which a test holds the demo's findings.

Subjects are named as the report names them. A key is named by its account alone.
"""

from collections.abc import Mapping

from nhiscan_gcp.simulated.demo_parts import LAKE, TRACKING, email

WELL_KEPT = email("tracking-api", TRACKING)
"""The account with which nothing is wrong: an owner, no key of its own, one small role, in use."""

EXPECTED: Mapping[str, tuple[str, ...]] = {
    # the former owner of the acquired company denies one call, and one API was never switched on there
    "scan-coverage-gap": (
        "iam.key-states",
        "policyanalyzer.account-activities",
        "policyanalyzer.key-activities",
    ),
    # Google tells no use of these kinds
    "credential-usage-unknown": (
        "github/actions of github",
        "github/actions-release of github",
        f"HMAC key of {email('airflow', LAKE)}",
        f"HMAC key of {email('lake-loader', LAKE)}",
        f"mobile app of {TRACKING}",
        f"support assistant of {TRACKING}",
        f"tracking page map of {TRACKING}",
    ),
}

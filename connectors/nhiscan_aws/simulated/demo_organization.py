"""The organisation of the demo company: the shared account manages it, the other two lie in units with policies."""

from nhiscan_aws.simulated.demo_parts import DATA, PRODUCTION, SHARED
from nhiscan_aws.simulated.demo_reach import QUARANTINED
from nhiscan_aws.simulated.world import (
    RESOURCE_CONTROL_POLICY,
    ROOT,
    SERVICE_CONTROL_POLICY,
    Organization,
    OrganizationPolicy,
    PolicyDocument,
    Unit,
)

DENIED = ("iam:GetAccountAuthorizationDetails", "iam:GenerateCredentialReport", "iam:GetCredentialReport")
"""Calls that the organisation denies in the data account. The simulated AWS does so by its fault plan."""


def organization() -> Organization:
    return Organization(
        SHARED,
        units=(Unit("workloads", units=(Unit("production", (PRODUCTION,)), Unit("data", (DATA,)))),),
        policies=(
            OrganizationPolicy("quarantine", _quarantine(), ("workloads",)),
            OrganizationPolicy("no-iam-exports", _deny(list(DENIED), "NoIamExports"), ("data",)),
            OrganizationPolicy("stay-in-the-organisation", _deny("organizations:LeaveOrganization", "Stay"), (ROOT,)),
            OrganizationPolicy("regions-draft", _deny("bedrock:*", "Draft")),
        ),
        policy_types=(SERVICE_CONTROL_POLICY, RESOURCE_CONTROL_POLICY),
    )


def _deny(actions: str | list[str], sid: str) -> PolicyDocument:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": "*"}],
    }


def _quarantine() -> PolicyDocument:
    """Everything is denied to principals under investigation."""
    arn = f"arn:aws:iam::*:role/workload/{QUARANTINED}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "UnderInvestigation",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"ArnLike": {"aws:PrincipalArn": arn}},
            }
        ],
    }

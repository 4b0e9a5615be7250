"""The first AWS analyzer: reads the stored policy documents statement by statement. Pure; imports no SDK.

It says what each Allow statement grants, not what remains of it: Deny statements, permissions boundaries and policies
of the organisation are not evaluated, and every row says so and stays ``possible``.
"""

from collections.abc import Iterator

from nhiscan.analyzer import Analyzer, Records
from nhiscan.model import Derived
from nhiscan_aws.analyzer.access import effective_access
from nhiscan_aws.analyzer.trust import trusts

__all__ = ["ANALYZER"]


def derive(records: Records) -> Iterator[Derived]:
    """`effective_access` of every user, group and role of each account, then `trust` of every role."""
    for scope in records.scopes():
        if scope.kind == "account":
            yield from effective_access(records, scope.key)
            yield from trusts(records, scope.key)


ANALYZER = Analyzer(
    provider="aws",
    reads=frozenset(
        {
            "identity:user",
            "identity:group",
            "identity:role",
            "identity:role.trust_document",
            "relation:member_of",
            "access_grant:attached_policy",
            "access_grant:inline_policy",
            "policy:customer_policy",
            "policy:provider_policy",
        }
    ),
    gives=frozenset({"effective_access", "trust"}),
    derive=derive,
)

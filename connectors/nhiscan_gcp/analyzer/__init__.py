"""The Google Cloud analyzer: what each account can really do, who may become whom, and what it can become.

Pure; no SDK.

`estate` holds what is granted to whom, `holding` what one principal holds where, `escalation` finds the ways to more
rights, `access`, `trust` and `privilege` write the rows, `questions` answers the ``access`` commands.
"""

from collections.abc import Iterator

from nhiscan.analyzer import Access, Analyzer, Records
from nhiscan.model import Derived

__all__ = ["ANALYZER"]


def derive(records: Records) -> Iterator[Derived]:
    """`effective_access` and `privilege` of every account and pool, `trust` of every account and pool, and the ways."""
    from nhiscan_gcp.analyzer import escalation
    from nhiscan_gcp.analyzer.access import effective_access
    from nhiscan_gcp.analyzer.estate import Estate
    from nhiscan_gcp.analyzer.holding import holdings_of
    from nhiscan_gcp.analyzer.privilege import Privileges
    from nhiscan_gcp.analyzer.trust import trusts

    estate = Estate(records)
    holdings = holdings_of(estate)
    ways = escalation.find(estate, holdings)
    yield from effective_access(estate, holdings.values())
    yield from trusts(estate)
    yield from ways.paths()
    yield from Privileges(estate, holdings, ways).rows()


def questions(records: Records) -> Access:
    """An estate, opened for questions."""
    from nhiscan_gcp.analyzer import escalation
    from nhiscan_gcp.analyzer.estate import Estate
    from nhiscan_gcp.analyzer.holding import holdings_of
    from nhiscan_gcp.analyzer.questions import Questions

    estate = Estate(records)
    holdings = holdings_of(estate)
    return Questions(estate, holdings, escalation.find(estate, holdings))


ANALYZER = Analyzer(
    provider="gcp",
    reads=frozenset(
        {
            "identity:service_account",
            "identity:federation",
            "credential:federated_credential",
            "credential:federated_credential.restrictions",
            "access_grant:role_binding",
            "policy:role_definition",
            "policy:provider_policy",
            "policy:provider_policy.document",
        }
    ),
    gives=frozenset({"effective_access", "escalation_path", "trust", "privilege"}),
    derive=derive,
    open=questions,
)

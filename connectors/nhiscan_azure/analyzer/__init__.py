"""The Azure analyzer: what each principal can really do, who enters it, and what it can become. Pure; no SDK.

`estate` reads the records, `rights` and `verdict` evaluate, `escalation` finds the ways to more rights, `access`,
`trust` and `privilege` write the rows, `questions` answers the ``access`` commands. What to look for in role
definitions lies in ``data`` and ``escalation/sets.toml``.
"""

from collections.abc import Iterator

from nhiscan.analyzer import Access, Analyzer, Records
from nhiscan.model import Derived

__all__ = ["ANALYZER"]


def derive(records: Records) -> Iterator[Derived]:
    """`effective_access` of every principal, group and application, `trust`, then the ways, and how far rights go."""
    from nhiscan_azure.analyzer.access import effective_access
    from nhiscan_azure.analyzer.escalation.search import Search
    from nhiscan_azure.analyzer.estate import Estate
    from nhiscan_azure.analyzer.privilege import privileges
    from nhiscan_azure.analyzer.trust import trusts

    estate = Estate(records)
    search = Search(estate)
    yield from effective_access(estate)
    yield from trusts(estate)
    yield from search.paths()
    yield from privileges(estate, search)


def questions(records: Records) -> Access:
    """An estate, opened for questions."""
    from nhiscan_azure.analyzer.escalation.search import Search
    from nhiscan_azure.analyzer.estate import Estate
    from nhiscan_azure.analyzer.questions import Questions

    estate = Estate(records)
    return Questions(estate, Search(estate))


ANALYZER = Analyzer(
    provider="azure",
    reads=frozenset(
        {
            "identity:application",
            "identity:service_principal",
            "identity:managed_identity",
            "identity:group",
            "identity:user",
            "credential:federated_credential",
            "relation:member_of",
            "relation:instance_of",
            "relation:owned_by",
            "access_grant:role_assignment",
            "access_grant:directory_role",
            "access_grant:app_role",
            "access_grant:deny_assignment",
            "policy:role_definition",
            "policy:provider_policy",
            "policy:directory_role",
        }
    ),
    gives=frozenset({"effective_access", "escalation_path", "trust", "privilege"}),
    derive=derive,
    open=questions,
)

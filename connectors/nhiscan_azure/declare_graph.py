"""The sources that ask Microsoft Graph. All run on the tenant."""

from nhiscan.connector import Settings, Source
from nhiscan_azure.later import later

TENANT = frozenset({"tenant"})


def graph_sources(settings: Settings) -> tuple[Source, ...]:
    """In the order in which they run."""
    del settings
    return (
        Source(
            id="graph.organization",
            run=later("organization"),
            lists=frozenset({"setting:tenant"}),
            permissions=("Directory.Read.All",),
            about="name, domains and licences of the tenant, asked while the scan was planned",
            on=TENANT,
        ),
    )

"""The sources that ask Resource Manager and Resource Graph."""

from nhiscan.connector import Settings, Source
from nhiscan_azure.later import later

UPPER = frozenset({"tenant", "management_group"})
EVERYWHERE = UPPER | {"subscription"}


def arm_sources(settings: Settings) -> tuple[Source, ...]:
    """In the order in which they run."""
    del settings
    return (
        Source(
            id="arm.scopes",
            run=later("scopes"),
            lists=frozenset({"scope:subscription", "scope:management_group"}),
            permissions=("Microsoft.Resources/subscriptions/read",),
            about="management groups and subscriptions, as seen while the scan was planned",
            on=UPPER,
            spans=True,
        ),
    )

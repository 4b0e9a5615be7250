"""What the connector reads: its sources, without the SDK."""

from nhiscan.connector import Settings, Source
from nhiscan_azure.declare_arm import arm_sources
from nhiscan_azure.declare_graph import graph_sources

_HELD = frozenset({"access_grant:role_assignment", "access_grant:eligible_assignment", "access_grant:deny_assignment"})


def sources(settings: Settings) -> tuple[Source, ...]:
    """The sources planned under these settings, in the order in which they run."""
    found: tuple[Source, ...] = ()
    if not settings.get("directory-only"):
        found += arm_sources(settings)
    if not settings.get("no-directory"):
        found += graph_sources(settings, assignments(settings))
    return found


def assignments(settings: Settings) -> tuple[str, ...]:
    """The sources on the tenant that tell who holds roles of Azure."""
    if settings.get("directory-only"):
        return ()
    return tuple(
        source.id
        for source in arm_sources(settings)
        if source.fallback_for is None and "tenant" in source.on and _HELD & source.lists
    )

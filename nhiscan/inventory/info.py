"""What a run plans and what is kept of a finished scan."""

from typing import NamedTuple


class Plan(NamedTuple):
    """What a run is going to do, written down before the first call to a provider."""

    run: str  # id, unique
    started_at: int  # epoch seconds UTC; as of when rules judge
    version: str  # of nhiscan
    connectors: tuple[str, ...]
    settings: str  # JSON, without secrets
    rules_sha256: str
    parameters: str  # JSON: rule id -> parameters
    host: str
    pid: int


class ScanInfo(NamedTuple):
    """A finished scan."""

    number: int
    run: str
    started_at: int
    ended_at: int
    version: str
    connectors: tuple[str, ...]
    settings: str
    rules_sha256: str
    parameters: str
    scopes: tuple[str, ...]  # keys of the planned scopes, sorted
    facts: dict[str, str]  # JSON by name

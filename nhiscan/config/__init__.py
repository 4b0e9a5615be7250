"""``nhiscan.toml``, ``NHISCAN_*`` and flags -> typed settings. Unknown keys are errors; all problems come at once."""

from nhiscan.config.options import settle, variable
from nhiscan.config.read import NAME, check_parameters, find, nearest, place, read
from nhiscan.config.settings import (
    ROSTER_COLUMNS,
    SEVERITIES,
    ConfigError,
    Evidence,
    Problem,
    Registers,
    RuleSettings,
    Scan,
    Settings,
)

__all__ = [
    "NAME",
    "ROSTER_COLUMNS",
    "SEVERITIES",
    "ConfigError",
    "Evidence",
    "Problem",
    "Registers",
    "RuleSettings",
    "Scan",
    "Settings",
    "check_parameters",
    "find",
    "nearest",
    "place",
    "read",
    "settle",
    "variable",
]

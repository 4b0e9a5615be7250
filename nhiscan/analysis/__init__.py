"""Facts derived once a scan: owners, what is a machine, and what the analyzers of the providers can tell."""

from nhiscan.analysis.derive import REFERENCES, AnalyzerError, derive, derived_rows
from nhiscan.analysis.owners import OWNER_TAGS
from nhiscan.analysis.records import SqlRecords
from nhiscan.analysis.tables import DERIVED, derived_needs

__all__ = [
    "DERIVED",
    "OWNER_TAGS",
    "REFERENCES",
    "AnalyzerError",
    "SqlRecords",
    "derive",
    "derived_needs",
    "derived_rows",
]

"""Facts derived once a scan: owners, what is a machine, and what the analyzers of the providers can tell."""

from nhiscan.analysis.derive import AnalyzerError, derive, derived_rows, records_of, references_of
from nhiscan.analysis.owners import OWNER_TAGS
from nhiscan.analysis.records import SqlRecords
from nhiscan.analysis.tables import DERIVED, derived_needs

__all__ = [
    "DERIVED",
    "OWNER_TAGS",
    "AnalyzerError",
    "SqlRecords",
    "derive",
    "derived_needs",
    "derived_rows",
    "records_of",
    "references_of",
]

"""Derive everything that follows from what a scan has read: once when it finishes, and again in ``nhiscan verify``."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from nhiscan.analysis import classification
from nhiscan.analysis.classification import KEYLESS, Subject
from nhiscan.analysis.owners import OWNER_TAGS, Stated, owner
from nhiscan.analysis.records import INDEXED, SqlRecords
from nhiscan.analysis.roster import Roster
from nhiscan.analysis.tables import derived_needs
from nhiscan.analyzer import Analyzer
from nhiscan.inventory import Finishing, ScanInfo, Sql
from nhiscan.model import TABLE_OF, Derived, Document

CHUNK = 5_000
REFERENCES = "references"
"""Name of the fact of a scan that tells digest and version of the reference data of each analyzer."""
Documents = Callable[[str], Document | None]

_IDENTITIES = f"""
SELECT i.key, i.scope, i.kind, i.name, i.path, i.tags, i.description, i.console_access, i.mfa, COALESCE(k.keys, 0),
       a.email
FROM identity i
LEFT JOIN (
    SELECT identity, COUNT(*) AS keys FROM credential
    WHERE kind NOT IN ({", ".join(f"'{kind}'" for kind in KEYLESS)}) AND COALESCE(state, '') <> 'deleted'
    GROUP BY identity
) k ON k.identity = i.key
LEFT JOIN (SELECT identity, MIN(value) AS email FROM alias WHERE kind = 'email' GROUP BY identity) a
    ON a.identity = i.key
WHERE i.planned = 1 AND i.confirmed = 1
ORDER BY i.key
"""
LABEL = "label."
"""How the names of settings begin that are labels of a scope."""
_LABELS = f"SELECT scope, name, text FROM setting WHERE planned = 1 AND confirmed = 1 AND name LIKE '{LABEL}%'"
_OWNED_BY = """
SELECT r.subject, COALESCE(MIN(a.value), MIN(i.name))
FROM relation r
JOIN identity i ON i.key = r.target
LEFT JOIN alias a ON a.identity = i.key AND a.kind = 'email'
WHERE r.kind = 'owned_by' AND r.planned = 1 AND r.confirmed = 1
GROUP BY r.subject, r.target
ORDER BY r.subject, r.target
"""
_INSTANCES = """
SELECT r.subject, i.key, i.tags, i.description
FROM relation r
JOIN identity i ON i.key = r.target
WHERE r.kind = 'instance_of' AND r.planned = 1 AND r.confirmed = 1 AND i.planned = 1 AND i.confirmed = 1
ORDER BY r.subject, r.target
"""
_KEYS_UNKNOWN = "SELECT scope FROM need WHERE need = 'credential:access_key' AND complete = 0"


class AnalyzerError(Exception):
    """An analyzer gave what it must not, such as a table it does not declare or a row of another scope. A bug."""


def derive(scan: Finishing, analyzers: Mapping[str, Analyzer], owner_tags: Sequence[str] = OWNER_TAGS) -> None:
    """Work out the derived tables of a scan that has been merged and bound, store them, and bind them.

    What analyzers work with besides records (`Analyzer.reference`) is taken now and kept: the text in the table of
    documents, its digest and version in the fact ``references`` of the scan.
    """
    rows: dict[str, list[Derived]] = {}
    references = _take(scan, analyzers)
    as_of = scan.info.started_at
    for table, row in derived_rows(scan.sql, document_of(scan.sql), analyzers, owner_tags, as_of, references):
        held = rows.setdefault(table, [])
        held.append(row)
        if len(held) == CHUNK:
            scan.put(table, rows.pop(table))
    for table, held in rows.items():
        scan.put(table, held)
    scan.needs(list(derived_needs(scan.sql, analyzers)))
    scan.merge()
    scan.bind()


def _take(scan: Finishing, analyzers: Mapping[str, Analyzer]) -> dict[str, str]:
    """The reference data of the analyzers whose provider this scan planned: provider -> text."""
    texts: dict[str, str] = {}
    facts: dict[str, dict[str, str]] = {}
    for provider, analyzer in sorted(analyzers.items()):
        planned = "SELECT 1 FROM scope WHERE planned = 1 AND provider = :provider LIMIT 1"
        if analyzer.reference is None or scan.sql.one(planned, {"provider": provider}) is None:
            continue
        found = analyzer.reference()
        if "\0" in found.text or any("\ud800" <= letter <= "\udfff" for letter in found.text):
            raise AnalyzerError(f"the reference data of {provider} hold what no database keeps: NUL or a surrogate")
        digest = hashlib.sha256(found.text.encode()).hexdigest()
        scan.put("document", [Document(digest, "reference", found.text)])
        texts[provider] = found.text
        facts[provider] = {"digest": digest, "version": found.version}
    if facts:
        scan.facts(REFERENCES, json.dumps(facts, sort_keys=True))
    return texts


def derived_rows(
    sql: Sql,
    document: Documents,
    analyzers: Mapping[str, Analyzer],
    owner_tags: Sequence[str] = OWNER_TAGS,
    as_of: int = 0,
    references: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Derived]]:
    """All derived rows with their tables, worked out from the tables of `nhiscan.inventory.views` that ``sql`` sees.

    ``document`` gives a policy text by digest, ``as_of`` is the start of the scan, ``references`` has the reference
    data of the analyzers by provider. Reads only rows of planned scopes that the scan has confirmed, and gives
    the same rows for the same tables whatever database holds them. Tables come interleaved. The tables get an index on
    their scope, so they must be tables, not views. Raises AnalyzerError.
    """
    yield from _people_and_machines(sql, owner_tags)
    if not analyzers:
        return
    _index(sql)
    for provider, analyzer in sorted(analyzers.items()):
        records = SqlRecords(sql, provider, document, as_of=as_of, reference=(references or {}).get(provider))
        planned = set(records.planned())
        if not planned:
            continue
        for row in analyzer.derive(records):
            table = TABLE_OF.get(type(row), "")
            if table not in analyzer.gives or row.scope not in planned:
                raise AnalyzerError(f"the analyzer of {provider} gave {row.key!r}: not its table or no planned scope")
            yield table, row


def records_of(sql: Sql, info: ScanInfo, provider: str) -> SqlRecords:
    """What the analyzer of a provider may read of a stored scan, for questions that are asked later.

    ``sql`` shows the tables (not views) of the scan ``info``, and the table of documents.
    """
    _index(sql)
    references = references_of(sql, info.facts)
    return SqlRecords(sql, provider, document_of(sql), as_of=info.started_at, reference=references.get(provider))


def references_of(sql: Sql, facts: Mapping[str, str]) -> dict[str, str]:
    """The reference data that the analyzers of a stored scan worked with: provider -> text."""
    documents = document_of(sql)
    found = {}
    for provider, stated in json.loads(facts.get(REFERENCES, "{}")).items():
        document = documents(stated["digest"])
        if document is not None:
            found[provider] = document.text
    return found


def _index(sql: Sql) -> None:
    for view in INDEXED:
        sql.run(f"CREATE INDEX IF NOT EXISTS by_scope_{view} ON {view} (scope, key)")


def document_of(sql: Sql) -> Documents:
    """Policy texts out of the table ``document``."""

    def find(digest: str) -> Document | None:
        row = sql.one("SELECT digest, kind, text FROM document WHERE digest = :digest", {"digest": digest})
        return None if row is None else Document(*row)

    return find


def _people_and_machines(sql: Sql, owner_tags: Sequence[str]) -> Iterator[tuple[str, Derived]]:
    roster = Roster.read(sql)
    keys_unknown = {scope for (scope,) in sql.rows(_KEYS_UNKNOWN)}
    labels: dict[str, dict[str, str]] = {}
    for scope, name, text in sql.rows(_LABELS):
        if text:
            labels.setdefault(str(scope), {})[str(name).removeprefix(LABEL)] = text
    directory: dict[str, list[tuple[str, str]]] = {}
    for subject, value in sql.rows(_OWNED_BY):
        if value:
            directory.setdefault(str(subject), []).append(("relation:owned_by", str(value)))
    instances: dict[str, Stated] = {}
    for subject, target, tags, description in sql.rows(_INSTANCES):
        stated = Stated(json.loads(tags) if tags else {}, description, directory.get(str(target), ()))
        instances.setdefault(str(subject), stated)
    for key, scope, kind, name, path, tags, description, console, mfa, count, email in sql.rows(_IDENTITIES):
        found: Mapping[str, str] = json.loads(tags) if tags else {}
        names = (name, email) if email else (name,)
        owned = owner(
            key,
            scope,
            kind,
            names,
            found,
            roster,
            owner_tags,
            description,
            labels.get(scope),
            directory.get(key, ()),
            instances.get(key),
        )
        if owned is not None:
            yield "owner", owned
        keys = None if not count and scope in keys_unknown else count
        one = Subject(key, scope, kind, names, path, found, console, mfa, keys)
        yield "classification", classification.classify(one, roster)

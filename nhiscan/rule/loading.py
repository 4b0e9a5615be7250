"""Reads rule files: every problem of every file is collected and reported with file and line."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nhiscan import model
from nhiscan.inventory.views import VIEWS
from nhiscan.positions import Path as KeyPath
from nhiscan.rule.definition import (
    ANY_PROVIDER,
    CONTROL_STATUSES,
    ENGINE_FACTS,
    ENGINE_REASONS,
    IDENTIFIER,
    MAXIMUM,
    RULE_STATUSES,
    STRENGTHS,
    VERDICT_COLUMNS,
    Control,
    Need,
    Param,
    Problem,
    Remediation,
    Rule,
    RuleErrors,
    nearest_word,
    whole,
)
from nhiscan.rule.message import TemplateError, placeholders
from nhiscan.rule.portable import faults, tokens
from nhiscan.rule.sandbox import Sandbox, SqlRefused
from nhiscan.rule.worked import ExampleFields

RULE_KEYS = (
    "id",
    "title",
    "severity",
    "status",
    "subject",
    "providers",
    "needs",
    "fail_stands",
    "always_known",
    "rationale",
    "false_positives",
    "references",
    "message",
    "controls",
    "params",
    "reasons",
    "remediation",
    "sql",
    "examples",
)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PROVIDER = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_CONTROL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*@[A-Za-z0-9][A-Za-z0-9._-]*#[^\s#]+")
_KINDS: Mapping[str, Sequence[str]] = {
    "identity": model.IDENTITY_KINDS,
    "credential": model.CREDENTIAL_KINDS,
    "access_grant": model.GRANT_KINDS,
    "policy": model.POLICY_KINDS,
    "relation": model.RELATION_KINDS,
    "alias": model.ALIAS_KINDS,
}
_NO_SUBJECT = ("need",)  # its key is a pair
_OWN_NEEDS = frozenset(VIEWS) - {"coverage", "need", "tie_out", "scope"}


def load(paths: Sequence[Path]) -> list[Rule]:
    """The rules of files and folders (``*.toml``, at any depth), sorted by id. Raises RuleErrors with all problems."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    sandbox = Sandbox()
    try:
        for path in _files(paths, problems):
            reader = _Reader(path, sandbox)
            rule = reader.read()
            problems.extend(reader.problems())
            if rule is not None:
                rules.append(rule)
    finally:
        sandbox.close()
    first: dict[str, Rule] = {}
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if other is not rule:
            problems.append(Problem(rule.path, 1, f"id {rule.id} is also the id of {other.path}"))
            problems.append(Problem(other.path, 1, f"id {rule.id} is also the id of {rule.path}"))
    if problems:
        raise RuleErrors(dict.fromkeys(problems))
    return sorted(rules, key=lambda rule: rule.id)


def _files(paths: Sequence[Path], problems: list[Problem]) -> list[Path]:
    files: dict[Path, Path] = {}  # resolved -> as given: the same file by two ways is one rule
    for path in paths:
        if path.is_dir():
            found = sorted(path.rglob("*.toml"))
            if not found:
                problems.append(Problem(path, 1, "no rule files (*.toml) in this folder"))
        elif path.is_file():
            found = [path]
        else:
            found = []
            problems.append(Problem(path, 1, "no such file or folder"))
        for file in found:
            files.setdefault(file.resolve(), file)
    return list(files.values())


class _Reader(ExampleFields):
    """One rule file on its way to a Rule."""

    def __init__(self, path: Path, sandbox: Sandbox) -> None:
        super().__init__(path)
        self._sandbox = sandbox

    def read(self) -> Rule | None:
        """The rule, or None where something is wrong."""
        found = self._document()
        if found is None:
            return None
        document, sha256 = found
        self._keys((), document, RULE_KEYS)
        rule = self._rule(document, sha256)
        return None if self._faults else rule

    # --- the whole ---

    def _rule(self, document: dict[str, Any], sha256: str) -> Rule:
        rule_id = self._string((), document, "id")
        if rule_id and not _ID.fullmatch(rule_id):
            self._fault(("id",), f"id {rule_id!r} is not made of lower-case words joined by -")
        elif rule_id and self._path.name != f"{rule_id}.toml":
            self._fault(("id",), f"the file of rule {rule_id} must be named {rule_id}.toml")
        subject = self._choice((), document, "subject", [view for view in VIEWS if view not in _NO_SUBJECT])
        reasons = self._reasons(document)
        params = self._params(document)
        sql = self._string((), document, "sql")
        columns = self._compile(sql, params) if sql else ()
        facts = tuple(column for column in columns if column not in VERDICT_COLUMNS)
        # of SQL that was refused no column is known: what is said of it is enough
        known = {*columns, *params, *ENGINE_FACTS} - {"status", "severity", "confidence"} if columns else None
        for name in facts:
            if name in ENGINE_FACTS or name in params:
                self._fault(
                    ("sql",),
                    f"column {name} has the name of {'a parameter' if name in params else 'a fact of the engine'}",
                )
        message = self._template(("message",), self._string((), document, "message"), known)
        providers = self._providers(document)
        needs = self._needs(document)
        always_known = self._flag(document, "always_known")
        if always_known and needs:
            self._fault(("always_known",), "a rule with needs is unknown where they are not met")
        examples = self._examples(document, params, reasons)
        if sql and columns:
            self._covered(sql, examples, reasons, always_known=always_known)
        return Rule(
            id=rule_id,
            title=self._string((), document, "title"),
            severity=self._choice((), document, "severity", model.SEVERITIES),
            status=self._choice((), document, "status", RULE_STATUSES),
            subject=subject,
            providers=providers,
            needs=needs,
            fail_stands=self._flag(document, "fail_stands"),
            always_known=always_known,
            controls=self._controls(document),
            rationale=self._string((), document, "rationale"),
            remediation=self._remediation(document, known, providers),
            false_positives=self._strings(document, "false_positives", required=True),
            references=self._strings(document, "references", required=False),
            params=params,
            reasons=reasons,
            message=message,
            sql=sql,
            examples=examples,
            facts=facts,
            columns=columns,
            text=self._text,
            sha256=sha256,
            path=self._path,
        )

    # --- parts ---

    def _providers(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of connectors. Which of them are installed is not asked: a rule is read where none is, too."""
        providers = self._strings(document, "providers", required="providers" in document)
        for index, name in enumerate(providers):
            if not _PROVIDER.fullmatch(name):
                self._fault(
                    ("providers", index), f"{name!r} is no name of a connector: lower-case words joined by - or _"
                )
            elif name in providers[:index]:
                self._fault(("providers", index), f"provider {name} stands twice")
        return providers

    def _needs(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        if "needs" not in document:
            self._fault((), "needs must be a list (empty where the rule is about the scan itself)")
        needs = self._strings(document, "needs", required=False)
        for index, text in enumerate(needs):
            path = ("needs", index)
            need = Need.parse(text)
            if need.table not in _OWN_NEEDS:
                self._fault(
                    path,
                    f"need {text!r}: {need.table!r} is no table; nearest: {nearest_word(need.table, _OWN_NEEDS)}",
                )
                continue
            kinds = _KINDS.get(need.table, ())
            if need.kind and kinds and need.kind not in kinds:
                self._fault(
                    path, f"need {text!r}: unknown kind {need.kind!r}; nearest: {nearest_word(need.kind, kinds)}"
                )
            facts = [column.name for column in VIEWS[need.table]]
            if need.fact and need.fact not in facts:
                self._fault(
                    path, f"need {text!r}: unknown fact {need.fact!r}; nearest: {nearest_word(need.fact, facts)}"
                )
        return needs

    def _controls(self, document: Mapping[str, Any]) -> tuple[Control, ...]:
        controls: list[Control] = []
        for index, table in enumerate(self._tables(("controls",), document.get("controls", []))):
            path: KeyPath = ("controls", index)
            self._keys(path, table, Control._fields)
            ref = self._string(path, table, "ref")
            if ref and not _CONTROL.fullmatch(ref):
                self._fault((*path, "ref"), f"control {ref!r} is not framework@version#item, as in TSC@2017#CC6.1")
            if any(ref == other.ref for other in controls):
                self._fault((*path, "ref"), f"control {ref} stands twice")
            strength = self._choice(path, table, "strength", STRENGTHS)
            status = self._choice(path, table, "status", CONTROL_STATUSES)
            controls.append(Control(ref, strength, status, self._string(path, table, "why")))
        if not any(control.ref.startswith("TSC@2017#") for control in controls):
            self._fault(("controls", 0), "controls must name at least one item of TSC@2017")
        return tuple(controls)

    def _params(self, document: Mapping[str, Any]) -> dict[str, Param]:
        params: dict[str, Param] = {}
        for name, value in self._table(("params",), document.get("params", {})).items():
            path: KeyPath = ("params", name)
            table = self._table(path, value)
            self._keys(path, table, Param._fields)
            if not IDENTIFIER.fullmatch(name) or name in ENGINE_FACTS:
                self._fault(path, f"{name!r} cannot be the name of a parameter")
            default: Any = table.get("default")
            if not whole(default):
                self._fault((*path, "default"), f"default must be a whole number from 0 to {MAXIMUM}")
            params[name] = Param(default, self._string(path, table, "unit"), self._string(path, table, "about"))
        return params

    def _reasons(self, document: Mapping[str, Any]) -> dict[str, str]:
        reasons: dict[str, str] = {}
        table = self._table(("reasons",), document.get("reasons", {}))
        for code in table:
            if not _ID.fullmatch(code):
                self._fault(("reasons", code), f"reason code {code!r} is not made of lower-case words joined by -")
            if code in ENGINE_REASONS:
                self._fault(("reasons", code), f"reason code {code!r} is the engine's own")
            reasons[code] = self._string(("reasons",), table, code)
        return reasons

    def _remediation(
        self, document: Mapping[str, Any], known: set[str] | None, providers: Sequence[str]
    ) -> dict[str, Remediation]:
        remediation: dict[str, Remediation] = {}
        for provider, value in self._table(("remediation",), document.get("remediation", {})).items():
            path: KeyPath = ("remediation", provider)
            table = self._table(path, value)
            self._keys(path, table, Remediation._fields)
            if providers and provider not in (*providers, ANY_PROVIDER):
                nearest = nearest_word(provider, [*providers, ANY_PROVIDER])
                self._fault(path, f"{provider!r} is none of the rule's providers; nearest: {nearest}")
            commands = table.get("commands", [])
            if not isinstance(commands, list) or not all(isinstance(command, str) for command in commands):
                self._fault((*path, "commands"), "commands must be a list of texts")
                commands = []
            for index, command in enumerate(commands):
                self._template((*path, "commands", index), command, known)
            text = self._template((*path, "text"), self._string(path, table, "text"), known)
            proof = self._template((*path, "proof"), self._string(path, table, "proof"), known)
            remediation[provider] = Remediation(text, tuple(commands), proof)
        if not remediation:
            self._fault(("remediation",), "remediation must be given for at least one provider, or for any")
        for index, provider in enumerate(providers if remediation else ()):
            if provider not in remediation and ANY_PROVIDER not in remediation:
                self._fault(("providers", index), f"no remediation for provider {provider}, and none for any")
        return remediation

    def _template(self, path: KeyPath, template: str, known: set[str] | None) -> str:
        try:
            for name, _ in placeholders(template):
                if known is not None and name not in known:
                    self._fault(
                        path,
                        f"placeholder {{{name}}} is no column, parameter or fact; nearest: {nearest_word(name, known)}",
                    )
        except TemplateError as error:
            self._fault(path, str(error))
        return template

    # --- SQL ---

    def _compile(self, sql: str, params: Mapping[str, Param]) -> tuple[str, ...]:
        """Names of the columns, or nothing where the SQL is refused."""
        opening = 1 if re.search(r"^sql\s*=\s*('''|\"\"\")\r?\n", self._text, re.MULTILINE) else 0
        found = faults(sql)
        for fault in found:
            self._fault(("sql",), fault.message, opening + sql.count("\n", 0, fault.offset))
        if found:
            return ()
        used = {token.text[1:]: token for token in tokens(sql) if token.kind == "param"}
        for name, token in used.items():
            if name != "as_of" and name not in params:
                known = [*params, "as_of"]
                line = opening + sql.count("\n", 0, token.offset)
                self._fault(
                    ("sql",), f":{name} is not declared in [params]; nearest: {nearest_word(name, known)}", line
                )
        for name in params:
            if name not in used:
                self._fault(("params", name), f"parameter {name} is not used by the SQL")
        try:
            columns = self._sandbox.columns(sql, dict.fromkeys([*used, "as_of"], 1))
        except SqlRefused as error:
            self._fault(("sql",), str(error), opening + _line_of(sql, str(error)))
            return ()
        for required in VERDICT_COLUMNS[:2]:
            if required not in columns:
                self._fault(("sql",), f"the SELECT has no column {required}")
        for name in columns:
            if not IDENTIFIER.fullmatch(name):
                self._fault(("sql",), f"column {name!r} needs a plain name: ... AS name")
        for name in sorted({name for name in columns if columns.count(name) > 1}):
            self._fault(("sql",), f"two columns are named {name}")
        return columns

    # --- examples ---


def _line_of(sql: str, message: str) -> int:
    """Lines down to the place that a message of the compiler names (``near "X"``, ``no such column: X``), else 0."""
    named = re.search(
        r'near "([^"]+)"|no such (?:column|table|function): (\S+)|(?:table|function) (\S+) is not|^(\S+\.\S+) is not',
        message,
    )
    word = next((group for group in named.groups() if group), None) if named else None
    if word is None:
        return 0
    at = re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", sql, re.IGNORECASE)
    return sql.count("\n", 0, at.start()) if at else 0

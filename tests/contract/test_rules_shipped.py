"""Every rule that ships: its form, its words, its mapping, its commands. Needs no database but the sandbox."""

import re
import shlex
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from nhiscan import data, plugins
from nhiscan.analysis.tables import DERIVED
from nhiscan.rule import Rule, load
from nhiscan.rule.definition import Need

RULES = load([data.folder("rules")])
FRAMEWORKS: dict[str, dict[str, Any]] = {
    catalogue["id"]: catalogue
    for path in sorted((data.folder("reports") / "frameworks").glob("*.toml"))
    for catalogue in [tomllib.loads(path.read_text(encoding="utf-8"))]
}
FAMILIES = ("evidence", "expiry", "kind", "leftovers", "ownership", "privilege", "rotation", "trust", "use")
STRENGTHS = ("none", "weak", "supporting", "direct")
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)

FORBIDDEN = re.compile(r"\b(?:non-?)?complian(?:t|ce)\b|\bcertifi(?:ed|cation)\b|\bguarantee", re.IGNORECASE)
"""Words that promise what no scanner can give."""
BARE_CIS = re.compile(r"\bCIS\b(?!-[A-Z0-9]+@)")
PAGES = {
    "aws": r"https://docs\.aws\.amazon\.com/[\w./-]+\.html$",
    "gcp": r"https://cloud\.google\.com/[\w./-]+[\w-]$",
    "azure": r"https://learn\.microsoft\.com/en-us/[\w./-]+[\w-]$",
}
"""The providers that rules here have remedies for, and how the addresses of their manuals look."""
WHERE = ("{arn}", "{identity_arn}", "{scope_id}")


def family(rule: Rule) -> str:
    return rule.path.parent.name


def words(rule: Rule) -> str:
    """All that a reader sees of a rule: the file without its SQL and its examples."""
    return rule.text.replace(rule.sql, "").split("[[examples]]", 1)[0]


def test_whole_families_ship() -> None:
    count = Counter(family(rule) for rule in RULES)
    assert tuple(sorted(count)) == FAMILIES
    assert min(count.values()) >= 2
    assert len(RULES) >= 110


@pytest.mark.parametrize(
    "rule_id",
    [
        "access-key-not-rotated",
        "access-key-never-rotated",
        "access-key-never-used",
        "access-key-unused",
        "credential-inactive-not-deleted",
        "multiple-active-keys",
        "credential-expired-present",
        "identity-no-owner",
        "owner-tag-invalid",
        "owner-left",
        "credential-survived-offboarding",
        "credential-used-after-offboarding",
        "root-access-key-present",
        "root-used",
        "service-user-with-console-password",
        "password-policy-weak",
        "access-key-created-at-setup",
        "credential-leaked-publicly",
        "quarantined-key-active",
        "admin-access",
        "administrator-reachable-widely",
        "ai-service-access-stale",
        "assume-role-wildcard",
        "can-create-credentials",
        "can-remove-guardrail",
        "credentials-exposure-actions",
        "grant-unused",
        "pass-role-wildcard",
        "permissions-boundary-missing",
        "privilege-escalation",
        "secrets-read-unrestricted",
        "unused-permissions",
        "wildcard-action",
        "wildcard-resource-on-sensitive-action",
        "workload-identity-admin",
        "confused-deputy",
        "cross-account-admin",
        "cross-account-trust",
        "oidc-trust-too-wide",
        "unauthenticated-identity-pool-role",
        "permission-data-incomplete",
        "trust-wildcard-principal",
        "scan-coverage-gap",
        "api-key-calls-generative-ai",
        "api-key-exists",
        "api-key-not-rotated",
        "api-key-unrestricted",
        "credential-expiring-soon",
        "credential-lifetime-too-long",
        "credential-never-expires",
        "creator-left",
        "cross-project-grant",
        "default-service-account-editor",
        "default-service-account-used",
        "disabled-identity-with-credentials",
        "disabled-identity-with-grants",
        "exposed-key-stays-active",
        "federated-grant-to-whole-pool",
        "grant-to-deleted-principal",
        "guest-or-external-member",
        "hmac-key-not-rotated",
        "identity-without-credential-or-workload",
        "primitive-role",
        "privileged-role-at-wide-scope",
        "public-grant",
        "separation-of-duties",
        "service-account-impersonation",
        "service-account-key-creation-allowed",
        "service-account-key-expiry-not-enforced",
        "service-account-key-not-rotated",
        "service-account-key-unused",
        "service-account-key-upload-allowed",
        "service-account-key-uploaded",
        "service-account-shared-with-group",
        "user-managed-service-account-key",
        "workload-identity-provider-unconditioned",
        "app-credential-policy-missing",
        "app-credential-unused",
        "app-secret-instead-of-certificate",
        "app-secret-not-rotated",
        "app-without-owner",
        "classic-administrator-present",
        "external-multitenant-service-principal",
        "federated-credential-too-wide",
        "grant-to-unknown-principal",
        "local-authentication-enabled",
        "managed-identity-admin",
        "multitenant-app-registration",
        "privileged-app-with-owner",
        "privileged-directory-role",
        "privileged-graph-app-role",
        "service-principal-unused",
        "storage-account-key-not-rotated",
        "storage-key-rotation-reminder-missing",
        "unverified-publisher-app",
        "user-consent-allowed",
    ],
)
def test_a_named_rule_ships(rule_id: str) -> None:
    assert rule_id in {rule.id for rule in RULES}


@EACH
def test_the_words_promise_nothing(rule: Rule) -> None:
    assert not FORBIDDEN.findall(words(rule))


@EACH
def test_the_message_says_where(rule: Rule) -> None:
    assert any(place in rule.message for place in WHERE), rule.message


@EACH
def test_it_says_why_when_wrong_and_how_to_put_it_right(rule: Rule) -> None:
    assert len(re.findall(r"[.?!](?:\s|$)", rule.rationale)) >= 2, "two or three sentences on why it matters"
    assert rule.false_positives
    assert rule.remediation
    assert all(remedy.commands and remedy.proof.endswith(".") for remedy in rule.remediation.values())
    assert all(any(re.match(page, link) for page in PAGES.values()) for link in rule.references)
    assert all(any(re.match(PAGES[name], link) for link in rule.references) for name in rule.remediation)


@EACH
def test_a_rule_of_one_provider_says_so(rule: Rule) -> None:
    assert not set(rule.providers) - set(PAGES)
    if family(rule) == "trust":
        assert rule.providers in (("aws",), ("gcp",), ("azure",)), "trust is written otherwise at each"
    if rule.id.startswith("root-"):
        assert rule.providers == ("aws",)


NOT_LISTED_YET = frozenset({"credential:server_certificate", "credential:token"})
"""Kinds that rules judge for connectors of others: none that ships lists them."""


@pytest.fixture(scope="module")
def plannable() -> dict[str, list[Need]]:
    """Connector -> the kinds and facts of all its sources, those included that are asked for."""
    found = {}
    for name, connector in plugins.connectors().items():
        settings = {one.name: one.default for one in connector.options}
        settings |= {
            one.name: True for one in connector.options if one.kind == "flag" and not one.name.startswith("no-")
        }
        settings["directory-only"] = False
        sources = connector.sources(settings)
        found[name] = [Need.parse(need) for source in sources for need in source.lists | source.adds]
    return found


@EACH
def test_each_need_is_of_something_that_a_connector_reads(rule: Rule, plannable: dict[str, list[Need]]) -> None:
    """What nobody plans is no gap: a kind that is misspelt would never make anything unknown."""
    for text in set(rule.needs) - NOT_LISTED_YET:
        need = Need.parse(text)
        at = [*(rule.providers or plannable), plugins.REGISTER]
        planned = [one for name in at for one in plannable[name]]
        assert need.table in DERIVED or any(need.covers(one) for one in planned), text


@EACH
def test_a_rule_has_a_remedy_where_it_can_fail(rule: Rule) -> None:
    """Kinds of credentials and identities tell at which provider something can be found."""
    if not rule.providers and any("service_account" in need or "hmac_key" in need for need in rule.needs):
        assert "gcp" in rule.remediation


@EACH
def test_each_outcome_has_a_reason(rule: Rule) -> None:
    assert "reason" in rule.columns
    assert all(
        outcome.reason in rule.reasons for ex in rule.examples for outcome in ex.expect.values() if outcome.reason
    )
    assert all(text == text.strip() and not text.endswith(".") for text in rule.reasons.values())


@EACH
def test_each_parameter_is_printed_or_explained(rule: Rule) -> None:
    for name, param in rule.params.items():
        assert param.about.endswith("."), name
        assert re.search(rf":{name}\b", rule.sql), name


@EACH
def test_no_threshold_hides_in_the_sql(rule: Rule) -> None:
    """86400 and 60 turn times into seconds, 100 a share into percent; 0, 1 and 2 are truth values and grades."""
    bare = re.sub(r"'[^']*'", "", rule.sql)
    assert set(re.findall(r"(?<![\w:.])\d+", bare)) <= {"0", "1", "2", "60", "100", "86400"}


# --- mapping ---


@EACH
def test_it_maps_to_catalogued_items(rule: Rule) -> None:
    assert any(control.ref.startswith("TSC@2017#") for control in rule.controls)
    for control in rule.controls:
        items = {item["id"]: item for item in FRAMEWORKS[control.framework]["items"]}
        assert control.item in items, control.ref
        allowed = items[control.item]["strength"]
        assert STRENGTHS.index(control.strength) <= STRENGTHS.index(allowed), f"{control.ref}: at most {allowed}"
        assert control.status == "proposed", "no person has reviewed a mapping yet"
        assert control.why.endswith(".")


@EACH
def test_a_benchmark_number_never_stands_alone(rule: Rule) -> None:
    assert not BARE_CIS.findall(words(rule))
    assert all(re.fullmatch(r"[A-Z0-9-]+@[\w.]+#[\w.()-]+", control.ref) for control in rule.controls)


@EACH
def test_what_is_about_identities_is_mapped_to_the_identity_list(rule: Rule) -> None:
    listed = any(control.framework == "OWASP-NHI@2025" for control in rule.controls)
    assert listed == (family(rule) != "evidence")


@EACH
def test_keys_grants_and_offboarding_map_to_access_criteria(rule: Rule) -> None:
    criteria = {control.item for control in rule.controls if control.framework == "TSC@2017"}
    if family(rule) != "evidence":
        assert criteria & {"CC6.1", "CC6.2", "CC6.3", "CC6.6"}
        assert any(control.strength in ("direct", "supporting") for control in rule.controls)
    assert "CC6.5" not in criteria, "protection of data that is given up, commonly cited for leavers"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_catalogue_names_the_families_that_support_each_item(framework: str) -> None:
    mapped: dict[str, set[str]] = {}
    for rule in RULES:
        for control in rule.controls:
            if control.framework == framework:
                mapped.setdefault(control.item, set()).add(family(rule))
    for item in FRAMEWORKS[framework]["items"]:
        assert set(item["families"]) == mapped.get(item["id"], set()), item["id"]
        assert item["strength"] in STRENGTHS


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_catalogue_is_in_our_own_words(framework: str) -> None:
    catalogue = FRAMEWORKS[framework]
    assert set(catalogue) == {"id", "title", "publisher", "version", "note", "items"}
    ids = [item["id"] for item in catalogue["items"]]
    assert len(ids) == len(set(ids))
    for item in catalogue["items"]:
        assert not FORBIDDEN.findall(" ".join(str(value) for value in item.values()))
        assert ("words" in item) == (not framework.startswith("CIS-")), "of a benchmark only the numbers are given"


def test_every_criterion_of_the_access_series_is_listed() -> None:
    ids = {item["id"] for item in FRAMEWORKS["TSC@2017"]["items"]}
    assert {f"CC6.{number}" for number in range(1, 9)} <= ids


# --- commands ---

_GLOBAL = {"query", "output", "region", "profile"}


@EACH
def test_aws_commands_are_calls_that_exist(rule: Rule) -> None:
    session = botocore.session.get_session()
    for command in rule.remediation["aws"].commands if "aws" in rule.remediation else ():
        program, *rest = command.split()
        if program == "nhiscan":
            assert rest[0] in ("access", "connectors", "scan"), command
            continue
        assert program == "aws", command
        service, operation, *arguments = rest
        model = session.get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names, command
        shape = model.operation_model(names[operation]).input_shape
        members = {xform_name(name, "-"): member for name, member in shape.members.items()} if shape else {}
        given = {word[2:] for word in arguments if word.startswith("--")} - _GLOBAL
        assert given <= set(members), f"{command}: {given - set(members)}"
        required = {xform_name(name, "-") for name in shape.required_members} if shape else set()
        assert required <= given, f"{command} lacks {required - given}"


GCLOUD: dict[str, tuple[int, frozenset[str]]] = {
    command: (words, frozenset(flags.split()))
    for command, words, flags in (
        ("asset search-all-iam-policies", 0, "scope query"),
        ("compute instances set-service-account", 1, "project service-account scopes"),
        ("iam service-accounts add-iam-policy-binding", 1, "member role"),
        ("iam service-accounts create", 1, "project"),
        ("iam service-accounts delete", 1, ""),
        ("iam service-accounts describe", 1, ""),
        ("iam service-accounts disable", 1, ""),
        ("iam service-accounts keys create", 1, "iam-account"),
        ("iam service-accounts keys delete", 1, "iam-account"),
        ("iam service-accounts keys disable", 1, "iam-account"),
        ("iam service-accounts keys list", 0, "iam-account managed-by"),
        ("iam service-accounts remove-iam-policy-binding", 1, "member role all"),
        ("iam service-accounts update", 1, "description"),
        (
            "iam workload-identity-pools providers describe",
            1,
            "workload-identity-pool location project",
        ),
        (
            "iam workload-identity-pools providers update-oidc",
            1,
            "workload-identity-pool location project attribute-condition",
        ),
        ("logging read", 1, "project freshness"),
        ("org-policies set-policy", 1, ""),
        ("organizations remove-iam-policy-binding", 1, "member role all"),
        ("policy-intelligence query-activity", 0, "activity-type project"),
        ("projects remove-iam-policy-binding", 1, "member role all"),
        ("resource-manager folders remove-iam-policy-binding", 1, "member role all"),
        ("resource-manager org-policies enable-enforce", 1, "project folder organization"),
        ("services api-keys delete", 1, "project"),
        ("services api-keys list", 0, "project"),
        ("services api-keys update", 1, "project api-target allowed-referrers allowed-ips"),
        ("storage hmac create", 1, "project"),
        ("storage hmac delete", 1, "project"),
        ("storage hmac update", 1, "project deactivate"),
    )
}
"""Commands of gcloud: the number of words that follow, and flags, as in its reference. No model can be asked."""


@EACH
def test_gcloud_commands_are_of_the_reference(rule: Rule) -> None:
    for command in rule.remediation["gcp"].commands if "gcp" in rule.remediation else ():
        program, *rest = shlex.split(command)
        if program == "nhiscan":
            assert rest[0] in ("access", "connectors", "scan"), command
            continue
        assert program == "gcloud", command
        flags = [word[2:].partition("=") for word in rest if word.startswith("--")]
        words = [word for word in rest if not word.startswith("--")]
        names = [name for name in GCLOUD if words[: len(name.split())] == name.split()]
        assert names, command
        count, known = GCLOUD[max(names, key=len)]
        assert len(words) - len(max(names, key=len).split()) == count, command
        assert {flag for flag, _, _ in flags} <= known, command
        assert all(value or flag in ("all", "deactivate") for flag, _, value in flags), command


AZ = {
    name: (words, frozenset(flags.split()))
    for name, words, flags in (
        ("ad app credential delete", 0, "id key-id"),
        ("ad app credential list", 0, "id"),
        ("ad app credential reset", 0, "id append"),
        ("ad app federated-credential list", 0, "id"),
        ("ad app federated-credential update", 0, "id federated-credential-id parameters"),
        ("ad app owner add", 0, "id owner-object-id"),
        ("ad app owner list", 0, "id"),
        ("ad app owner remove", 0, "id owner-object-id"),
        ("ad app update", 0, "id sign-in-audience"),
        ("ad sp credential delete", 0, "id key-id"),
        ("ad sp delete", 0, "id"),
        ("ad sp update", 0, "id set"),
        ("keyvault key set-attributes", 0, "vault-name name expires"),
        ("keyvault secret set-attributes", 0, "vault-name name expires"),
        ("resource update", 0, "ids set"),
        ("rest", 0, "method url body"),
        ("role assignment delete", 0, "assignee role scope"),
        ("role assignment list", 0, "assignee all"),
        ("storage account keys renew", 0, "account-name key"),
        ("storage account update", 0, "ids allow-shared-key-access key-exp-days"),
    )
}
"""Commands of the Azure CLI and their flags, as in its reference. No model can be asked."""


@EACH
def test_az_commands_are_of_the_reference(rule: Rule) -> None:
    for command in rule.remediation["azure"].commands if "azure" in rule.remediation else ():
        program, *rest = shlex.split(command)
        if program == "nhiscan":
            assert rest[0] in ("access", "connectors", "scan"), command
            continue
        assert program == "az", command
        words, flags = [], []
        for place, word in enumerate(rest):
            if word.startswith("--"):
                flags.append(word[2:])
            elif not (place and rest[place - 1].startswith("--")):
                words.append(word)
        names = [name for name in AZ if words[: len(name.split())] == name.split()]
        assert names, command
        count, known = AZ[max(names, key=len)]
        assert len(words) - len(max(names, key=len).split()) == count, command
        assert set(flags) <= known, command
        assert all(
            place + 1 < len(rest) and not rest[place + 1].startswith("--")
            for place, word in enumerate(rest)
            if word.startswith("--") and word not in ("--append", "--all")
        ), command


@pytest.mark.checkout
def test_the_page_of_google_cloud_names_its_rules() -> None:
    text = (Path(__file__).parents[2] / "docs" / "gcp.md").read_text(encoding="utf-8")
    table = text[text.index("## Rules") :].split("\n## ", 2)[0]
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", table)) == {rule.id for rule in RULES if "gcp" in rule.remediation}


def test_rule_files_lie_in_the_folder_of_their_family() -> None:
    root = data.folder("rules")
    assert {path.relative_to(root).parts[0] for path in root.rglob("*.toml")} == set(FAMILIES)
    assert all(len(Path(path).relative_to(root).parts) == 2 for path in root.rglob("*.toml"))

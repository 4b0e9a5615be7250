"""What the connector reads: its sources, without the SDK."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

from nhiscan.connector import Reader, Settings, Source
from nhiscan.model import Record

ASSETS, SEARCH = "cloudasset.assets.listResource", "cloudasset.assets.searchAllResources"
UPPER = frozenset({"organization", "folder"})
NODES = UPPER | {"project"}
_ACCOUNTS, _KEYS, _POLICIES = "cloudasset.service-accounts", "cloudasset.service-account-keys", "cloudasset.policies"
_KEYS_OF_APIS, _CUSTOM_ROLES = "cloudasset.api-keys", "cloudasset.custom-roles"
_KEY_ACTIVITY, _ACTIVITY = "policyanalyzer.key-activities", "policyanalyzer.account-activities"
_KEY_KINDS = frozenset({"credential:service_account_key", "credential:system_managed_key"})
_BINDINGS = frozenset({"access_grant:role_binding", "identity:deleted_service_account"})
_KEY_USE = frozenset({"credential:service_account_key.used_at"})
_USE = frozenset({"identity:service_account.used_at"})
_CREATORS = frozenset({"relation:created_by", "setting:audit_log"})
_API_KEYS = frozenset({"credential:api_key", "identity:resource"})
_FEDERATION = frozenset({"identity:federation", "credential:federated_credential"})
_LIMITS = frozenset({"credential:api_key.restrictions"})
_CONDITIONS = frozenset({"credential:federated_credential.restrictions"})


def _later(module: str, name: str) -> Callable[[Any, Reader], Iterator[Record]]:
    """The run of a source, imported when it runs: the SDK is not there yet when it is declared."""

    def run(node: Any, reader: Reader) -> Iterator[Record]:
        found: Callable[[Any, Reader], Iterator[Record]] = getattr(import_module(f"nhiscan_gcp.sources.{module}"), name)
        return found(node, reader)

    return run


def _pair(  # a listing for all below, and what stands in for it project by project
    module: str,
    ids: tuple[str, str],
    lists: frozenset[str],
    permissions: tuple[tuple[str, ...], tuple[str, ...]],
    about: tuple[str, str],
    *,
    adds: frozenset[str] = frozenset(),
    reads: tuple[str, ...] = (),
    on: frozenset[str] = frozenset(),
) -> tuple[Source, Source]:
    return (
        Source(ids[0], _later(module, "run"), lists, adds, reads, None, permissions[0], about[0], UPPER, spans=True),
        Source(ids[1], _later(module, "run_each"), lists, adds, (), ids[0], permissions[1], about[1], on),
    )


def sources(settings: Settings) -> tuple[Source, ...]:
    """The sources planned under these settings, in the order in which they run."""
    found = [
        *_pair(
            "accounts",
            (_ACCOUNTS, "iam.service-accounts"),
            frozenset({"identity:service_account", "alias", "setting:label"}),
            ((ASSETS,), ("iam.serviceAccounts.list",)),
            (
                "service accounts of all projects below, by pages of 1,000; counts the projects",
                "service accounts of one project",
            ),
        ),
        *_pair(
            "keys",
            (_KEYS, "iam.service-account-keys"),
            _KEY_KINDS,
            ((ASSETS,), ("iam.serviceAccountKeys.list",)),
            ("keys of all service accounts below", "keys of service accounts: one call for each account"),
            reads=(_ACCOUNTS,),
        ),
        *_pair(
            "apikeys",
            (_KEYS_OF_APIS, "apikeys.keys"),
            _API_KEYS,
            ((ASSETS, SEARCH), ("apikeys.keys.list", "iam.serviceAccounts.get")),
            ("API keys of all projects below, deleted ones too, and their restrictions", "API keys of one project"),
            adds=_LIMITS,
            reads=(_ACCOUNTS,),
        ),
        *_pair(
            "federation",
            ("cloudasset.workload-identity", "iam.workload-identity"),
            _FEDERATION,
            ((ASSETS,), ("iam.workloadIdentityPools.list", "iam.workloadIdentityPoolProviders.list")),
            ("workload identity pools and providers below", "the same of one project: one call for each pool"),
            adds=_CONDITIONS,
        ),
        *_pair(
            "roles",
            (_CUSTOM_ROLES, "iam.custom-roles"),
            frozenset({"policy:role_definition"}),
            ((ASSETS,), ("iam.roles.list", "iam.roles.get")),
            ("custom roles of the organisation and its projects", "custom roles of one project or organisation"),
            on=frozenset({"organization", "project"}),
        ),
        *_pair(
            "policies",
            (_POLICIES, "iam.policies"),
            _BINDINGS,
            (
                ("cloudasset.assets.searchAllIamPolicies",),
                (
                    "resourcemanager.organizations.getIamPolicy",
                    "resourcemanager.folders.getIamPolicy",
                    "resourcemanager.projects.getIamPolicy",
                    "iam.serviceAccounts.getIamPolicy",
                    "iam.serviceAccounts.get",
                ),
            ),
            (
                "bindings on the organisation, folders, projects and service accounts, with their conditions",
                "the same of one node: one call for it and one for each account",
            ),
            reads=(_ACCOUNTS,),
            on=NODES,
        ),
        Source(
            id="iam.predefined-roles",
            run=_later("roles", "run_predefined"),
            lists=frozenset({"policy:provider_policy"}),
            adds=frozenset({"policy:provider_policy.document"}),
            reads=(_POLICIES,),
            permissions=("iam.roles.list", "iam.roles.get"),
            about="the predefined roles that are bound, with their permissions; all are listed once a scan",
            on=NODES,
            spans=True,
        ),
        Source(
            id="iam.predefined-roles-bound-here",
            run=_later("roles", "run_predefined_each"),
            lists=frozenset({"policy:provider_policy"}),
            adds=frozenset({"policy:provider_policy.document"}),
            reads=(_POLICIES,),
            fallback_for="iam.predefined-roles",
            permissions=("iam.roles.list", "iam.roles.get"),
            about="the same where bindings were read node by node",
            on=NODES,
        ),
        Source(
            id="cloudasset.creation-times",
            run=_later("accounts", "run_created"),
            adds=frozenset({"identity:service_account.created_at"}),
            reads=(_ACCOUNTS,),
            permissions=(SEARCH,),
            about="when service accounts were made; counts them once more",
            on=NODES,
            spans=True,
        ),
        Source(
            id="cloudasset.workloads",
            run=_later("workloads", "run"),
            lists=frozenset({"relation:runs_as"}),
            reads=(_ACCOUNTS,),
            permissions=(ASSETS,),
            about="instances, functions, Cloud Run and App Engine, with the account each runs as, by pages of 1,000",
            on=NODES,
            spans=True,
        ),
        Source(
            id=_KEY_ACTIVITY,
            run=_later("activity", "run_keys"),
            adds=_KEY_USE,
            reads=(_KEYS,),
            permissions=("policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",),
            about="last authentication of keys: one call for each project that holds user-managed keys",
        ),
        Source(
            id="storage.hmac-keys",
            run=_later("hmac", "run"),
            lists=frozenset({"credential:hmac_key"}),
            permissions=("storage.hmacKeys.list",),
            about="HMAC keys of Cloud Storage: one call for each project",
        ),
        Source(
            id="orgpolicy.constraints",
            run=_later("constraints", "run"),
            lists=frozenset({"setting:org_policy"}),
            permissions=("orgpolicy.policy.get",),
            about="constraints on keys: four calls for the organisation and each project with user-managed keys",
            on=frozenset({"organization", "project"}),
        ),
    ]
    if not settings.get("no-key-state"):
        found.append(
            Source(
                id="iam.key-states",
                run=_later("keys", "run_states"),
                adds=frozenset({"credential:service_account_key.state", "credential:service_account_key.exposed"}),
                reads=(_KEYS,),
                permissions=("iam.serviceAccountKeys.list",),
                about="disabled keys and keys that Google saw in the open: one call for each account with such keys",
            )
        )
    if settings.get("account-activity"):
        found.append(
            Source(
                id=_ACTIVITY,
                run=_later("activity", "run_accounts"),
                adds=_USE,
                reads=(_ACCOUNTS,),
                permissions=("policyanalyzer.serviceAccountLastAuthenticationActivities.query",),
                about="last authentication of accounts: one call for each project that has some",
            )
        )
    if settings.get("insights"):
        found += _insights()
    if settings.get("monitoring"):
        found += _metrics(analyzed=bool(settings.get("account-activity")))
    if settings.get("creators"):
        found += _creators()
    return tuple(found) if has_upper(settings) else _alone(found)


def _insights() -> tuple[Source, Source]:
    return (
        Source(
            id="recommender.account-insights",
            run=_later("insights", "run_accounts"),
            adds=_USE,
            reads=(_ACCOUNTS,),
            permissions=("recommender.iamServiceAccountInsights.list",),
            about="accounts not used in some 90 days, and when they were: one call for each project that has some",
        ),
        Source(
            id="recommender.policy-insights",
            run=_later("insights", "run_policies"),
            lists=frozenset({"access_use"}),
            reads=(_ACCOUNTS, _CUSTOM_ROLES),
            permissions=("recommender.iamPolicyInsights.list",),
            about="what accounts used of the roles they hold on a project: one call for each project",
        ),
    )


def _metrics(*, analyzed: bool) -> tuple[Source, ...]:
    """``analyzed``: Policy Analyzer is asked about accounts, so that this only stands in for it."""

    def source(name: str, run: str, adds: frozenset[str], read: str, instead: str | None, about: str) -> Source:
        permissions = ("monitoring.timeSeries.list",)
        return Source(name, _later("metrics", run), frozenset(), adds, (read,), instead, permissions, about)

    api_keys = frozenset({"credential:api_key.used_at"})
    instead = _ACTIVITY if analyzed else None
    return (
        source("monitoring.api-key-use", "run_api_keys", api_keys, _KEYS_OF_APIS, None, "use of API keys in 41 days"),
        source("monitoring.key-use", "run_keys", _KEY_USE, _KEYS, _KEY_ACTIVITY, "use of keys in 41 days"),
        source("monitoring.account-use", "run_accounts", _USE, _ACCOUNTS, instead, "use of accounts in 41 days"),
    )


def _creators() -> tuple[Source, Source]:
    reads, permissions = (_ACCOUNTS, _KEYS, _KEYS_OF_APIS), ("logging.logEntries.list",)
    return (
        Source(
            id="logging.creations",
            run=_later("creators", "run"),
            lists=_CREATORS,
            reads=reads,
            permissions=permissions,
            about="who made accounts and keys in the last 400 days: one call for each 100 projects",
            on=UPPER,
            spans=True,
        ),
        Source(
            id="logging.creations-of-project",
            run=_later("creators", "run_each"),
            lists=_CREATORS,
            reads=reads,
            fallback_for="logging.creations",
            permissions=permissions,
            about="the same of one project",
        ),
    )


def has_upper(settings: Settings) -> bool:
    """Whether there may be something above the projects: not where nothing but projects was named."""
    return bool(settings.get("organization") or settings.get("folder") or not settings.get("project"))


def _alone(found: list[Source]) -> tuple[Source, ...]:
    """The same where nothing is above the projects: what would stand in for the great listings is what is planned.

    The states of keys then need no permission that the list of keys did not need already.
    """
    above = {source.id for source in found if source.spans and source.on == UPPER}
    instead = {source.fallback_for: source.id for source in found if source.fallback_for in above}
    return tuple(
        replace(
            source,
            reads=tuple(instead.get(read, read) for read in source.reads),
            fallback_for=None if source.fallback_for in above else source.fallback_for,
            permissions=() if source.id == "iam.key-states" else source.permissions,
            on=frozenset(),
            spans=False,
        )
        for source in found
        if source.id not in above and source.id != "iam.predefined-roles-bound-here"
    )

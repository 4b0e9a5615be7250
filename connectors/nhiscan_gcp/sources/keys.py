"""Keys of service accounts: ``cloudasset.service-account-keys``, ``iam.service-account-keys``, ``iam.key-states``."""

from collections.abc import Iterator
from urllib.parse import quote

from nhiscan.connector import BadAnswer, InputNotRead, Reader, ask_each
from nhiscan.model import Credential, Record, TieOut
from nhiscan_gcp import records
from nhiscan_gcp.failures import Refused
from nhiscan_gcp.node import Node
from nhiscan_gcp.rest import Json
from nhiscan_gcp.sources import accounts, assets

ALL, EACH, STATES = "cloudasset.service-account-keys", "iam.service-account-keys", "iam.key-states"
_KEY = f"{assets.IAM}/ServiceAccountKey"
_FIELDS = "keys(name,keyType,disabled,disableReason,extendedStatus)"
_STATES = "iam.projects.serviceAccounts.keys.list"


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """The keys of all accounts below."""
    del reader
    assets.need_accounts(node, accounts.ALL)
    holders: dict[str, set[str]] = {}
    for _, scope, name, data in assets.listed(node, _KEY):
        if scope is None:
            continue
        identity = _holder(node, scope, (str(data.get("name", "")), name))
        key = records.service_account_key(scope, identity, data, ALL)
        if key.kind == "service_account_key":
            holders.setdefault(scope, set()).add(identity)
        yield key
    node.registry.put_user_keys(holders, node.projects())
    yield from assets.ended(node)


def _holder(node: Node, scope: str, names: tuple[str, str]) -> str:
    """Key of the account of a key: by e-mail or unique id, whichever its names hold."""
    listed = node.registry.accounts(scope)
    assert listed is not None
    found = [name.partition("/serviceAccounts/")[2].partition("/")[0] for name in names]
    for name in found:
        if name in listed.keys:
            return listed.keys[name]
    for name in found:
        if name.isdigit():
            return f"{scope}/service_account/{name}"
    raise BadAnswer(ALL, "has a key of an account that is in no list")


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """The keys of each account of one project. An account that is gone by now has none: that is an answer."""
    del reader
    listed = node.accounts()
    if listed is None:
        raise InputNotRead(accounts.EACH)

    def question(email: str) -> list[Json]:
        try:
            return node.iam.keys(node.project, listed.keys[email].rpartition("/")[2])
        except Refused as error:
            if error.status == 404:
                return []
            raise

    holders = set()
    for email, shown in ask_each(node.context, question, listed.emails):
        for one in shown:
            key = records.service_account_key(node.key, listed.keys[email], one, EACH)
            if key.kind == "service_account_key":
                holders.add(key.identity)
            yield key
    node.own_user_keys = frozenset(holders)


def run_states(node: Node, reader: Reader) -> Iterator[Record]:
    """Which keys are disabled, and which Google saw in the open. One call for each account with keys of its own."""
    known: dict[str, dict[str, Credential]] = {}
    for record in reader(node.source(ALL, EACH)):
        if isinstance(record, Credential) and record.kind == "service_account_key":
            known.setdefault(record.identity, {})[record.key] = record

    def question(identity: str) -> list[Json] | None:
        unique_id = quote(identity.rpartition("/")[2], safe="")
        path = f"v1/projects/{node.project}/serviceAccounts/{unique_id}/keys"
        try:
            shown = node.rest.get("iam", _STATES, path, keyTypes="USER_MANAGED", fields=_FIELDS).get("keys", [])
        except Refused as error:
            if error.status == 404:
                return None
            raise
        if not isinstance(shown, list) or not all(isinstance(one, dict) for one in shown):
            raise BadAnswer(_STATES, "has keys that are none")
        return shown

    counted = expected = 0
    for identity, shown in ask_each(node.context, question, sorted(known)):
        if shown is None:  # the account is gone by now
            continue
        expected += len(known[identity])
        counted += len(shown)
        for one in shown:
            key = records.service_account_key(node.key, identity, one, STATES)
            held = known[identity].get(key.key)
            if held is not None:
                disabled = one.get("disabled") is True
                yield held._replace(
                    state="inactive" if disabled else "active", exposed=records.exposed(one), source=STATES
                )
    if known:
        yield TieOut(
            f"{node.key}|user-managed keys",
            node.key,
            "user-managed keys",
            node.source(ALL, EACH),
            expected,
            STATES,
            counted,
        )

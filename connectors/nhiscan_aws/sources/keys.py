"""Sources ``iam.access-keys`` and its fallback ``iam.access-keys-per-user``: users' access keys with their ids.

Both give the same rows. With the credential report only users who have a key are asked, and last use comes from the
report where a listed key and a slot can be told to be the same by their second of creation. Without it all users are
asked, and GetAccessKeyLastUsed for every key.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nhiscan.connector import InputNotRead, Reader
from nhiscan.model import Credential, DataTime, Identity, Record
from nhiscan_aws.account import Account, ReportedKeys, Slot
from nhiscan_aws.fanout import ask_each
from nhiscan_aws.ledger import Count, tie_out
from nhiscan_aws.pages import pages
from nhiscan_aws.sources.details import epoch
from nhiscan_aws.sources.lastuse import ACCESS_KEYS_SINCE, last_use
from nhiscan_aws.sources.report import REPORT, text, users_by_name

KEYS = "iam.access-keys"
KEYS_PER_USER = "iam.access-keys-per-user"
STATES = {"Active": "active", "Inactive": "inactive", "Expired": "expired"}

LastUsed = tuple[int | None, bool]  # (epoch of the last use, whether AWS said anything about it)


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """Keys of the users whom the report shows with a key, or says nothing about. InputNotRead without the report."""
    reported = account.reported
    if reported is None:
        raise InputNotRead(REPORT)
    yield DataTime(reported.generated_at)
    users = [user for user in users_by_name(reader).values() if _may_have_keys(user, reported)]
    listed = 0
    explained = True
    gone = 0
    new = 0

    def question(user: Identity) -> list[Credential]:
        return _keys(account, user, reported.slots.get(user.key, ()), KEYS)

    for user, keys in ask_each(account.context, question, users):
        yield from keys
        listed += len(keys)
        slots = Counter(slot.created_at for slot in reported.slots.get(user.key, ()))
        made = Counter(key.created_at for key in keys)
        gone += (slots - made).total()
        for created_at, number in (made - slots).items():
            new += number
            explained &= user.key in reported.more or (created_at or 0) >= reported.generated_at
    older = reported.generated_at < account.opened_at  # a report made for this scan knows of no key that is gone
    yield tie_out(
        account.key,
        "access keys",
        Count(REPORT, sum(map(len, reported.slots.values()))),
        Count(KEYS, listed),
        _differences(reported.generated_at, gone, new) if explained and (not gone or older) else None,
    )


def run_per_user(account: Account, reader: Reader) -> Iterator[Record]:
    """Keys of all users, last use asked key by key."""

    def question(user: Identity) -> list[Credential]:
        return _keys(account, user, (), KEYS_PER_USER)

    for _, keys in ask_each(account.context, question, users_by_name(reader).values()):
        yield from keys


def _may_have_keys(user: Identity, reported: ReportedKeys) -> bool:
    return user.key not in reported.slots or bool(reported.slots[user.key]) or user.key in reported.more


def _keys(account: Account, user: Identity, slots: Sequence[Slot], source: str) -> list[Credential]:
    """The keys of one user, oldest first. A user or key that is gone by now has none: that is an answer."""
    found = []
    for key, (used_at, known) in join(_list(account, user), slots, lambda key_id: _asked(account, key_id)):
        made = epoch(key["CreateDate"])
        found.append(
            Credential(
                key=f"{account.key}/access_key/{key['AccessKeyId']}",
                scope=account.key,
                kind="access_key",
                native_id=key["AccessKeyId"],
                name=key["AccessKeyId"],
                identity=user.key,
                state=STATES.get(key["Status"], "unknown"),
                created_at=made,
                changed_at=made,
                source=source,
                **last_use(used_at, ACCESS_KEYS_SINCE, made, known=known),
            )
        )
    return found


def join(
    listed: Iterable[Mapping[str, Any]], slots: Sequence[Slot], ask: Callable[[str], LastUsed | None]
) -> Iterator[tuple[Mapping[str, Any], LastUsed]]:
    """Each listed key of one user with its last use.

    From the report's slot where key and slot are the only ones of their second and the report says something; else from
    ``ask(key id)``, which gives None for a key that is gone.
    """
    keys = sorted(listed, key=lambda key: (epoch(key["CreateDate"]), key["AccessKeyId"]))
    made = Counter(epoch(key["CreateDate"]) for key in keys)
    for key in keys:
        fits = [slot for slot in slots if slot.created_at == epoch(key["CreateDate"])]
        if len(fits) == 1 and made[fits[0].created_at] == 1 and fits[0].used_known:
            yield key, (fits[0].used_at, True)
        else:
            asked = ask(key["AccessKeyId"])
            if asked is not None:
                yield key, asked


def _list(account: Account, user: Identity) -> list[Mapping[str, Any]]:
    try:
        return [
            dict(key)
            for page in pages(account.iam, "list_access_keys", UserName=user.name)
            for key in page["AccessKeyMetadata"]
        ]
    except account.iam.exceptions.NoSuchEntityException:
        return []


def _asked(account: Account, key_id: str) -> LastUsed | None:
    try:
        answer = account.iam.get_access_key_last_used(AccessKeyId=key_id)
    except account.iam.exceptions.NoSuchEntityException:
        return None
    return epoch(answer["AccessKeyLastUsed"].get("LastUsedDate")), True


def _differences(generated_at: int, gone: int, new: int) -> str:
    parts = [f"the report is as of {text(generated_at)}"]
    if gone:
        parts.append(f"{gone} of its keys are gone since")
    if new:
        parts.append(f"{new} keys are not in its columns: made since, or beyond two keys of a user")
    return "; ".join(parts)

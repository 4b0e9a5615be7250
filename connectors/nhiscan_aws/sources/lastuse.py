"""Since when AWS keeps track of use, and what follows for a credential that was not seen in use."""

from typing import TypedDict

ACCESS_KEYS_SINCE = 1429660800  # 2015-04-22, access keys
PASSWORDS_SINCE = 1413763200  # 2014-10-20, console passwords


class LastUse(TypedDict):
    """The last-use fields of a record."""

    used_at: int | None
    known_since: int | None


def last_use(used_at: int | None, since: int, made_at: int | None, *, known: bool = True) -> LastUse:
    """What is known of the use of something made at `made_at` and tracked from `since` on.

    What is younger than the tracking is known from its beginning. ``known`` False: nobody said.
    """
    if not known:
        return LastUse(used_at=None, known_since=None)
    return LastUse(used_at=used_at, known_since=since if made_at is None else max(since, made_at))

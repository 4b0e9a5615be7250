"""When a call is made again, for REST and gRPC alike. google-auth repeats nothing and google-cloud-iam too little."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import uniform

from nhiscan.connector import Context

RETRIED = frozenset({429, 500, 502, 503, 504})
DEADLINE = 120.0
"""Seconds for one call, all attempts and waits together."""
ATTEMPTS = 12
LONGEST = 30.0
SHORTEST = 0.5


class Patience:
    """What is left of it for one call. ``attempts`` counts those that were made."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._end = context.clock() + DEADLINE
        self.attempts = 0

    def wait(self, retry_after: str | None = None) -> bool:
        """Wait before the next attempt. False where there shall be none: the deadline would pass."""
        now = self._context.clock()
        seconds = pause(retry_after, self.attempts, now)
        if self.attempts >= ATTEMPTS or now + seconds > self._end:
            return False
        self._context.sleep(seconds)
        return True


def pause(retry_after: str | None, attempt: int, now: int) -> float:
    """Seconds to wait after an attempt (counted from 1): what the server asks for, at least half a second.

    ``Retry-After`` may be a number, whole or not, or a date. Without one, or with one that is neither: 1, 2, 4 ... up
    to 30 seconds, of which up to half is left to chance, so that many callers do not come back at once.
    """
    if retry_after:
        try:
            asked = float(retry_after)
        except ValueError:
            asked = _until(retry_after, now)
        if math.isfinite(asked):
            return max(SHORTEST, asked)
    longest = min(2.0 ** max(0, attempt - 1), LONGEST)
    return uniform(longest / 2, longest)  # noqa: S311 chance, not secrecy


def _until(date: str, now: int) -> float:
    try:
        found = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() - datetime.fromtimestamp(
        now, UTC
    ).timestamp()

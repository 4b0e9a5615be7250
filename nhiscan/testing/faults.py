"""What a simulated cloud refuses, slows down or breaks, on purpose.

A plan is made of rules, each for one action pattern (shell style, case ignored: ``iam:List*``), one account or all,
and one principal pattern or all. A rule knows nothing of any provider: it says *deny* or *throttle*, and the
simulated cloud words the answer as its provider would.
"""

import fnmatch
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

DENY, THROTTLE, FAIL, CUT = "deny", "throttle", "fail", "cut"


@dataclass(frozen=True)
class Attempt:
    """One call that arrived."""

    account: str
    action: str  # "iam:ListUsers"
    principal: str  # who calls, in the provider's words (an ARN)


@dataclass(frozen=True)
class Fault:
    """What the simulated cloud has to do to an attempt. ``kind`` is DENY, THROTTLE, FAIL or CUT (the connection
    ends).
    """

    kind: str
    code: str | None = None  # None: the provider's usual code for this kind
    status: int | None = None
    message: str | None = None
    by: str | None = None  # for DENY: what denies ("identity", "boundary", "session", "organization", "explicit")


@dataclass
class _Rule:
    action: str
    account: str | None
    principal: str | None
    fault: Fault | None
    first: int = 1  # the first matching attempt it applies to
    last: int | None = None  # and the last
    seen: int = 0
    tokens: float | None = None
    burst: float = 0.0
    per_second: float = 0.0
    filled_at: int = 0
    seconds: float = 0.0
    buckets: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def fits(self, attempt: Attempt) -> bool:
        return (
            self.account in (None, attempt.account)
            and fnmatch.fnmatchcase(attempt.action.lower(), self.action.lower())
            and (self.principal is None or fnmatch.fnmatchcase(attempt.principal, self.principal))
        )


class Faults:
    """A fault plan. Rules may come and go while the cloud runs. ``clock`` fills the token buckets of throttles."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def deny(
        self,
        action: str,
        *,
        account: str | None = None,
        principal: str | None = None,
        by: str = "identity",
        code: str | None = None,
        status: int | None = None,
        message: str | None = None,
    ) -> None:
        """Refuse an action for lack of permission. ``by`` says what denies it (see `Fault`)."""
        self._add(_Rule(action, account, principal, Fault(DENY, code, status, message, by)))

    def throttle(
        self,
        action: str,
        *,
        account: str | None = None,
        burst: int = 0,
        per_second: float = 0.0,
        code: str | None = None,
        status: int | None = None,
    ) -> None:
        """A token bucket for each account and action: ``burst`` calls at once, refilled by the simulated clock.

        With ``per_second`` 0 the bucket never fills again: attempts run out.
        """
        fault = Fault(THROTTLE, code, status, None)
        self._add(_Rule(action, account, None, fault, tokens=float(burst), burst=float(burst), per_second=per_second))

    def fail(
        self,
        action: str = "*",
        *,
        nth: int = 1,
        times: int | None = 1,
        account: str | None = None,
        kind: str = FAIL,
        code: str | None = None,
        status: int | None = None,
        message: str | None = None,
    ) -> None:
        """Break the ``nth`` matching attempt (counted from 1) and the following, ``times`` in all (None: all of
        them).
        """
        last = None if times is None else nth + times - 1
        self._add(_Rule(action, account, None, Fault(kind, code, status, message), first=nth, last=last))

    def delay(self, action: str, seconds: float, *, account: str | None = None) -> None:
        """Let every matching attempt wait, in real seconds."""
        self._add(_Rule(action, account, None, None, seconds=seconds))

    def clear(self) -> None:
        """Forget the whole plan."""
        with self._lock:
            self._rules.clear()

    def judge(self, attempt: Attempt) -> tuple[Fault | None, float]:
        """What to do to an attempt, and how many seconds to wait before the answer. The first rule with a fault
        wins.
        """
        wait = 0.0
        found: Fault | None = None
        with self._lock:
            for rule in self._rules:
                if not rule.fits(attempt):
                    continue
                rule.seen += 1
                wait += rule.seconds
                if found is None and rule.fault is not None and self._applies(rule, attempt):
                    found = rule.fault
        return found, wait

    def denies(self, attempt: Attempt) -> bool:
        """Whether the plan denies an attempt. Asking is no attempt: a search asks it of everything it could show."""
        with self._lock:
            return any(rule.fits(attempt) for rule in self._rules if rule.fault is not None and rule.fault.kind == DENY)

    def _add(self, rule: _Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    def _applies(self, rule: _Rule, attempt: Attempt) -> bool:
        if rule.tokens is None:
            return rule.first <= rule.seen and (rule.last is None or rule.seen <= rule.last)
        now = self._clock()
        tokens, filled_at = rule.buckets.get((attempt.account, attempt.action), (rule.burst, now))
        tokens = min(rule.burst, tokens + (now - filled_at) * rule.per_second)
        enough = tokens >= 1.0
        rule.buckets[attempt.account, attempt.action] = (tokens - 1.0 if enough else tokens, now)
        return not enough

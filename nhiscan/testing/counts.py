"""How often was which call made? The figures behind a call budget."""

import threading
from collections import Counter
from collections.abc import Mapping


class CallCounts:
    """Attempts by (account, action), every attempt counted: denied, throttled and retried ones too."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, account: str, action: str) -> int:
        """Note one attempt and return how many there were of this kind, this one included."""
        with self._lock:
            self._counts[account, action] += 1
            return self._counts[account, action]

    def of(self, action: str | None = None, account: str | None = None) -> int:
        """The number of attempts; None stands for every action or every account."""
        with self._lock:
            return sum(
                count
                for (where, what), count in self._counts.items()
                if account in (None, where) and action in (None, what)
            )

    def by_action(self, account: str | None = None) -> Mapping[str, int]:
        """Action -> attempts, sorted by action."""
        totals: Counter[str] = Counter()
        with self._lock:
            for (where, what), count in self._counts.items():
                if account in (None, where):
                    totals[what] += count
        return dict(sorted(totals.items()))

    def clear(self) -> None:
        """Start again from nothing."""
        with self._lock:
            self._counts.clear()

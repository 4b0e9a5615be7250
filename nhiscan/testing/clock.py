"""A clock that stands still until it is told to move: the same run gives the same bytes."""

import threading
from datetime import UTC, datetime


class SimulatedClock:
    """Epoch seconds UTC. Safe to read and to move from several threads."""

    def __init__(self, start: int) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> int:
        return self._now

    def advance(self, seconds: int) -> int:
        """Move forward and return the new time. Time never goes back: ``seconds`` below 0 raises ValueError."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        with self._lock:
            self._now += seconds
            return self._now


def at(text: str) -> int:
    """An ISO date or time as epoch seconds; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())

"""Calls of an API with a low quota, spread over time instead of thrown at it and refused."""

import threading

from nhiscan.connector import Context


class Pace:
    """At most one call in ``seconds``, whichever thread makes it. The first goes at once."""

    def __init__(self, context: Context, seconds: float) -> None:
        self._context = context
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = self._context.clock()
            turn = max(float(now), self._next)
            self._next = turn + self._seconds
        if turn > now:
            self._context.sleep(turn - now)

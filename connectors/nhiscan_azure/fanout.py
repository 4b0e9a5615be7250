"""Several calls in flight inside one scope, with answers in the order asked."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

from nhiscan.connector import Context

LIMIT = 8

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def ask_each(
    context: Context, question: Callable[[Asked], Answer], items: Iterable[Asked]
) -> Iterator[tuple[Asked, Answer]]:
    """``question(item)`` for each item, in order. The first error is raised where its answer would have come.

    Each question runs in a copy of the context of the source, so its calls are noted as the source's.
    """
    workers = max(1, min(LIMIT, context.fanout))
    if workers == 1:
        for item in items:
            yield item, question(item)
        return
    remaining = iter(items)
    running: deque[tuple[Asked, Future[Answer]]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="nhiscan-azure") as pool:
        try:
            while True:
                for item in islice(remaining, 2 * workers - len(running)):
                    running.append((item, pool.submit(copy_context().run, question, item)))
                if not running:
                    return
                asked, future = running.popleft()
                yield asked, future.result()
        finally:
            for _, future in running:
                future.cancel()

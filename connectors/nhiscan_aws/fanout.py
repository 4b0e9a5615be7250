"""Several calls in flight inside one account, with answers and transcript in the order asked."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from nhiscan.connector import Context
from nhiscan.model import Call
from nhiscan_aws.transcript import noting_into

LIMIT = 8  # IAM throttles by account: more calls in flight gain nothing

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def workers(context: Context) -> int:
    """How many calls one account may have in flight."""
    return max(1, min(LIMIT, context.fanout))


def ask_each(
    context: Context, question: Callable[[Asked], Answer], items: Iterable[Asked]
) -> Iterator[tuple[Asked, Answer]]:
    """``question(item)`` for each item, in order. The first error is raised where its answer would have come.

    Calls made in worker threads are noted here, in the thread of the source, in the order of the items: every call
    that was made is noted, those after an error too.
    """
    count = workers(context)
    if count == 1:
        for item in items:
            yield item, question(item)
        return

    def work(item: Asked, calls: list[Call]) -> Answer:
        with noting_into(calls.append):
            return question(item)

    remaining = iter(items)
    running: deque[tuple[Asked, list[Call], Future[Answer]]] = deque()
    with ThreadPoolExecutor(max_workers=count, thread_name_prefix="nhiscan-aws") as pool:
        try:
            while True:
                for item in islice(remaining, 4 * count - len(running)):
                    calls: list[Call] = []
                    running.append((item, calls, pool.submit(work, item, calls)))
                if not running:
                    return
                asked, made, future = running[0]
                future.exception()  # waits; the error is raised by result(), after its calls are noted
                running.popleft()
                for call in made:
                    context.note(call)
                yield asked, future.result()
        finally:
            for _, _, future in running:
                future.cancel()
            for _, made, future in running:
                if not future.cancelled():
                    future.exception()
                for call in made:
                    context.note(call)

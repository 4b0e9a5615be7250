"""Answers cut inside a resource of another API, where the server can, so that what may hold a secret does not come."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

from nhiscan_gcp.failures import Refused

Item = TypeVar("Item")


def cut(ask: Callable[[str], Iterator[Item]], fields: str, whole: str) -> Iterator[Item]:
    """The items of ``ask(fields)``. An API that cannot cut there says 400 to the first page: then those of ``whole``.

    Whoever reads the items takes nothing but what ``fields`` names, in either case.
    """
    items = ask(fields)
    try:
        first = [item for item in (next(items, None),) if item is not None]
    except Refused as error:
        if error.status != 400:
            raise
        return ask(whole)
    return chain(first, items)

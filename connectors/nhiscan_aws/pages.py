"""Walks a listing of IAM to the page that says it is the last."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nhiscan_aws.failures import ListCut

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient

PAGE = 1000  # the most that IAM gives; its default is 100


def pages(iam: "IAMClient", operation: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    """The pages of ``operation`` (in Python's spelling: ``list_users``), each with its lists.

    botocore stops where a page names no next one, also when that page says that more follows. Then ListCut is raised:
    what the pages gave is there, and is not all.
    """
    more = False
    paginator: Any = iam.get_paginator(operation)  # type: ignore[call-overload]
    for page in paginator.paginate(**parameters, PaginationConfig={"PageSize": PAGE}):
        more = bool(page.get("IsTruncated"))
        yield page
    if more:
        raise ListCut("".join(word.capitalize() for word in operation.split("_")))

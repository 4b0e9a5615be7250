"""Does a need speak about what somebody asks for?"""


def matches(pattern: str, need: str) -> bool:
    """Does a need row speak about a pattern? Table and fact must be equal, and the kind where both name one.

    ``identity`` is met by ``identity:user``, ``identity.tags`` by ``identity:user.tags``, ``alias:arn`` by ``alias``.
    """
    table, kind, fact = _parts(pattern)
    of_table, of_kind, of_fact = _parts(need)
    return table == of_table and fact == of_fact and (not kind or not of_kind or kind == of_kind)


def _parts(name: str) -> tuple[str, str, str]:
    head, _, fact = name.partition(".")
    table, _, kind = head.partition(":")
    return table, kind, fact

"""Policy texts, kept once by digest. They come from strangers: nothing in one may end the reading of the others."""

import json
import re
from contextlib import suppress
from hashlib import sha256
from urllib.parse import unquote

from nhiscan.model import Document
from nhiscan_aws.canonical import canonical

DEEPEST = 60
"""Brackets within brackets up to which a text is read as JSON. No policy needs ten; Python's reader ends at some
hundreds, and at how many depends on who calls it."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


def from_iam(value: str) -> Document:
    """A document as IAM answers it: encoded for a URL."""
    return from_text(unquote(value))


def from_text(text: str) -> Document:
    """A document as a policy of an organisation has it. What is no JSON, or deeper than `DEEPEST`, stays as it is."""
    with suppress(ValueError):  # no JSON, or a number with more digits than Python reads
        text = canonical(json.loads(text)) if _depth(text) <= DEEPEST else text
    text = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    return Document(digest=sha256(text.encode()).hexdigest(), kind="policy", text=text)


def _depth(text: str) -> int:
    """How deep brackets stand within brackets. Few brackets are not looked at one by one."""
    many = text.count("[") + text.count("{")
    if many <= DEEPEST:
        return many
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest

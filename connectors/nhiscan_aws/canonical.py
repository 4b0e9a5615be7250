"""One way to write JSON, so that equal values give equal text."""

import json


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)

"""Set environment variables for a while, so that nothing of the real ones is seen, and put them back."""

import contextlib
import os
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def environment(variables: Mapping[str, str], *, remove: tuple[str, ...] = ()) -> Iterator[None]:
    """``variables`` are set and every other variable whose name starts with one of ``remove`` is taken away.

    The environment is the process's own: use it where one thread starts and ends the work.
    """
    before = dict(os.environ)
    try:
        for name in before:
            if name.startswith(remove) and name not in variables:
                del os.environ[name]
        os.environ.update(variables)
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)

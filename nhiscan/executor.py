"""Where the work runs: ``threads:N`` gives a thread pool of this process."""

import re
from concurrent.futures import Executor, ThreadPoolExecutor

DEFAULT = "threads:16"
MOST_THREADS = 64

_THREADS = re.compile(r"threads:([0-9]+)")


class ExecutorError(Exception):
    """An executor that cannot be had. The message names the form that works."""


def threads(name: str) -> int:
    """The number of threads in ``threads:N``, 1 to 64. Raises ExecutorError."""
    match = _THREADS.fullmatch(name)
    if match is None:
        raise ExecutorError(f"{name!r} is not an executor: write threads:N, for example {DEFAULT}")
    count = int(match[1])
    if not 1 <= count <= MOST_THREADS:
        raise ExecutorError(f"{name!r}: the number of threads is 1 to {MOST_THREADS}")
    return count


def executor(name: str) -> Executor:
    """An executor by name. Whoever asks for it shuts it down. Raises ExecutorError."""
    return ThreadPoolExecutor(max_workers=threads(name), thread_name_prefix="nhiscan")

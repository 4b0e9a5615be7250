"""``nhiscan demo``: simulated clouds on the loopback, read, judged and reported by the same code as real ones.

Nothing leaves the machine and nothing of a real cloud is seen: credentials and configuration of the SDKs are
replaced while it runs. Clock, world, answers and signing key are fixed, so that every run writes the same bytes.
"""

from nhiscan.demo.folder import DemoProblem
from nhiscan.demo.running import DemoOutcome, run

__all__ = ["DemoOutcome", "DemoProblem", "run"]

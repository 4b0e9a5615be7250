"""Fault plans: who is denied, throttled, broken, and when."""

from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.faults import CUT, DENY, FAIL, THROTTLE, Attempt, Faults

LIST = Attempt("1", "iam:ListUsers", "arn:aws:sts::1:assumed-role/reader/x")


def kinds(faults: Faults, attempt: Attempt, times: int) -> list[str | None]:
    judged = [faults.judge(attempt)[0] for _ in range(times)]
    return [fault.kind if fault else None for fault in judged]


def test_a_plan_without_rules_lets_everything_pass() -> None:
    assert kinds(Faults(SimulatedClock(0)), LIST, 3) == [None, None, None]


def test_a_denial_is_for_its_account_its_action_and_its_principal_only() -> None:
    faults = Faults(SimulatedClock(0))
    faults.deny("iam:list*", account="1", principal="*role/reader/*", by="boundary")

    fault, _ = faults.judge(LIST)

    assert fault is not None
    assert (fault.kind, fault.by) == (DENY, "boundary")
    assert kinds(faults, Attempt("2", *_rest()), 1) == [None]
    assert kinds(faults, Attempt("1", "iam:GetUser", LIST.principal), 1) == [None]
    assert kinds(faults, Attempt("1", LIST.action, "arn:aws:iam::1:user/other"), 1) == [None]


def test_the_nth_attempt_fails_and_so_many_after_it() -> None:
    faults = Faults(SimulatedClock(0))
    faults.fail("iam:*", nth=2, times=2)

    assert kinds(faults, LIST, 5) == [None, FAIL, FAIL, None, None]


def test_a_failure_without_an_end_and_one_that_cuts_the_line() -> None:
    faults = Faults(SimulatedClock(0))
    faults.fail(nth=3, times=None, kind=CUT)

    assert kinds(faults, LIST, 5) == [None, None, CUT, CUT, CUT]


def test_a_bucket_is_filled_by_the_simulated_clock_alone() -> None:
    clock = SimulatedClock(100)
    faults = Faults(clock)
    faults.throttle("iam:*", burst=2, per_second=0.5)

    assert kinds(faults, LIST, 3) == [None, None, THROTTLE]
    clock.advance(2)
    assert kinds(faults, LIST, 2) == [None, THROTTLE]
    clock.advance(1000)
    assert kinds(faults, LIST, 3) == [None, None, THROTTLE]


def test_each_account_and_action_has_a_bucket_of_its_own_and_one_may_never_fill_again() -> None:
    clock = SimulatedClock(0)
    faults = Faults(clock)
    faults.throttle("iam:*", burst=1)

    assert kinds(faults, LIST, 2) == [None, THROTTLE]
    assert kinds(faults, Attempt("2", *_rest()), 2) == [None, THROTTLE]
    assert kinds(faults, Attempt("1", "iam:ListRoles", LIST.principal), 1) == [None]
    clock.advance(10_000_000)
    assert kinds(faults, LIST, 1) == [THROTTLE]


def test_delays_add_up_and_a_cleared_plan_is_empty() -> None:
    faults = Faults(SimulatedClock(0))
    faults.delay("iam:*", 0.25)
    faults.delay("*:ListUsers", 0.5, account="1")
    assert faults.judge(LIST) == (None, 0.75)

    faults.clear()

    assert faults.judge(LIST) == (None, 0.0)


def _rest() -> tuple[str, str]:
    return LIST.action, LIST.principal

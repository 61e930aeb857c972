from __future__ import annotations
import pytest
from checks import assert_failed_over, assert_home
from daemon import Daemon
from fence_support import *
from test_kills import HOME, Mortal, SWIFT, assert_asked_once, break_primary, give, library  # noqa
from world import DR, PRIMARY


@pytest.fixture
def mortal(world, tmp_path, library):
    world.control.configure(**SWIFT)
    daemon = Mortal(world, tmp_path, library)
    daemon.overrides.update(LADDER)
    daemon.configure()
    yield daemon
    daemon.kill_at_end()


def test_life_failover(world, mortal):
    secret = world.secret(world.dr)
    mortal.live().armed().halting()
    break_primary(world, mortal)
    print(mortal.lives())
    mortal.live()
    mortal.until_phase("dr-active")
    until_paid(world, mortal)
    assert_failed_over(world, secret)
    assert_asked_once(world, DR)
    for step in RUNGS: print(step, len(accepted(world, step)))
    assert {step: len(accepted(world, step)) for step in RUNGS} == dict.fromkeys(RUNGS, 1)


def test_life_failback(world, mortal):
    secret = world.secret(world.primary)
    mortal.live().armed()
    break_primary(world, mortal)
    mortal.until_phase("dr-active")
    until_paid(world, mortal)
    mend_fenced_primary(world)
    import threading, time
    def opener():
        time.sleep(1)
        while world.writes_held(world.primary): time.sleep(0.3)
        world.primary.alb.mode = "ok"
    threading.Thread(target=opener, daemon=True).start()
    for words in HOME:
        mortal.kill()
        mortal.live().halting()
        give([words], mortal, lambda: mortal.killed_when(len))
    print(mortal.lives())
    mortal.live()
    mortal.until_phase("healthy", 30)
    assert_home(world, secret)
    assert_asked_once(world, DR, PRIMARY)
    print(world.changes("StartDBInstance"), world.changes("StopDBInstance"))
    assert len(world.changes("StartDBInstance")) == 1

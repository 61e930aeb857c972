"""A person is called: over the network, with what he needs to know, until the page is taken."""

from __future__ import annotations

from typing import Any

from aws.client import Control
from checks import assert_failed_over
from daemon import Daemon
from settings import WORKLOAD
from world import World


def paging(world: World, start, **changes: Any) -> Daemon:
    return start(world, page={"topic": world.topic}, **changes)


def test_a_run_that_is_stuck_calls_somebody_and_tells_him_the_way_out(world: World, aws: Control, start) -> None:
    daemon = paging(world, start)
    secret = world.secret(world.dr)
    fault = aws.fault("denied", action="PromoteReadReplica")
    world.break_primary()
    daemon.wait_until("the page", lambda: any("stepStuck" in page for page in world.announcements()), 60)
    begun, stuck = (
        next(page for page in world.announcements() if kind in page) for kind in ("/runBegun", "/stepStuck"))
    assert "the outage is confirmed" in begun and f"workload {WORKLOAD}" in begun
    assert "AccessDenied" in stuck and "retry" in stuck and stuck.endswith("/stepStuck/promote-replica"), stuck
    aws.lift(fault)
    daemon.order("retry")
    daemon.until_phase("dr-active", 60)
    assert_failed_over(world, secret)


def test_a_page_that_cannot_be_sent_is_sent_when_it_can_and_holds_nothing_up(world: World, aws: Control, start) -> None:
    daemon = paging(world, start, announce=None)
    secret = world.secret(world.dr)
    fault = aws.fault("error", action="Publish", status=503)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    assert "a page could not be sent" in daemon.log()
    aws.lift(fault)
    daemon.wait_until("the pages", lambda: any("/runFinished" in page for page in world.announcements()), 90)
    assert_failed_over(world, secret)
    kinds = [page.rsplit("id ", 1)[1].split("/")[2] for page in world.announcements()]
    assert kinds.index("runBegun") < kinds.index("runFinished")


def test_somebody_is_called_again_after_a_kill(world: World, aws: Control, start) -> None:
    """F81: at least once; the last line is the same."""
    daemon = paging(world, start)
    aws.fault("denied", action="PromoteReadReplica")
    world.break_primary()
    daemon.wait_until("the page", lambda: any("stepStuck" in page for page in world.announcements()), 60)
    daemon.kill()
    daemon.start()
    daemon.wait_until("another", lambda: len([page for page in world.announcements() if "stepStuck" in page]) > 1, 60)
    assert len({page.splitlines()[-1] for page in world.announcements() if "stepStuck" in page}) == 1


def test_a_page_that_a_crash_has_lost_is_sent_by_the_next_process_and_once(world: World, aws: Control, start) -> None:
    daemon = paging(world, start, announce=None)
    fault = aws.fault("error", action="Publish", status=503)
    world.break_primary()
    daemon.until_phase("dr-active", 60)
    daemon.kill()
    aws.lift(fault)
    assert world.announcements() == []
    daemon.start()
    daemon.wait_until("the page", lambda: any("/runFinished" in page for page in world.announcements()), 30)
    (told,) = [page for page in world.announcements() if "/runFinished" in page]
    assert "service was out for" in told and f"workload {WORKLOAD}, phase dr-active, incident " in told
    assert not any("/runBegun" in page for page in world.announcements())
    # It was taken, and that is known after the next crash.
    daemon.stays(lambda: True, 1)
    daemon.kill()
    daemon.start()
    daemon.stays(lambda: sum("/runFinished" in page for page in world.announcements()) == 1, 4)


def test_who_only_observes_calls_nobody(world: World, start) -> None:
    daemon = paging(world, start, arm=False, mode="observe")
    daemon.wait_until("it has seen the primary", lambda: "was seen serving" in daemon.log(), 20)
    world.break_primary()
    daemon.wait_until("it would fail over", lambda: "would fail over now" in daemon.log(), 40)
    daemon.stays(lambda: world.announcements() == [], 3)


def test_a_page_that_is_on_its_way_when_the_daemon_stops_arrives(world: World, aws: Control, start) -> None:
    daemon = paging(world, start, announce=None)
    aws.fault("latency", action="Publish", seconds=1)
    world.break_primary()
    daemon.until_phase("failing-over", 60)
    assert world.announcements() == []
    assert daemon.terminate() == 0
    assert any("/runBegun" in page for page in world.announcements()), world.announcements()

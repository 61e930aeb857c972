"""A configuration that changes while something is under way, or while the DR region serves."""

from __future__ import annotations

import pytest

import settings
from aws.client import Control
from checks import fail_over
from daemon import DONE, NEEDS_SOMEBODY, PATIENCE, Daemon
from settings import WORKLOAD
from world import SERVING, World

LEADS_OUT = "bring the old configuration back"


def swap(daemon: Daemon, world: World) -> None:
    """What serves now is written down as the primary."""
    content = settings.configuration(world, daemon.directory, daemon.overrides)
    workload = content["workloads"][0]
    workload["primary"], workload["dr"] = workload["dr"], workload["primary"]
    record = workload["traffic"]["route53"]
    record["primary"], record["dr"] = record["dr"], record["primary"]
    settings.write(content, daemon.config)


def is_refused(daemon: Daemon) -> None:
    done = daemon.ctl("reload")
    assert done.returncode != DONE and LEADS_OUT in done.stdout + done.stderr, done


@pytest.mark.parametrize("kind", ["switchover", "failover"])
def test_roles_that_are_swapped_where_the_dr_region_serves_change_nothing(world: World, start, kind: str) -> None:
    daemon = start(world)
    if kind == "failover":
        fail_over(world, daemon)
        world.mend_primary()
    else:
        daemon.order("switchover", "--confirm", WORKLOAD)
        daemon.until_phase("dr-active", 120)
    changes = len(world.changes())
    swap(daemon, world)
    is_refused(daemon)
    daemon.terminate()
    daemon.start()
    daemon.until("it is said", lambda workload: LEADS_OUT in (workload["incident"]["held"] or ""), 10)
    assert LEADS_OUT in daemon.ctl("explain").stdout and LEADS_OUT in daemon.ctl("status").stdout
    daemon.stays(lambda: daemon.status()["phase"] == "dr-active", 10)
    assert len(world.changes()) == changes and world.sizes(world.dr) == SERVING
    done = daemon.ctl("failback", WORKLOAD, "--confirm", WORKLOAD, "--reason", "home")
    assert done.returncode == 3 and LEADS_OUT in done.stdout + done.stderr
    daemon.configure()
    assert daemon.ctl("reload").returncode == DONE
    daemon.until("it goes on", lambda workload: workload["incident"]["held"] is None, 10)


@pytest.mark.slow
def test_a_workload_that_owes_is_forgotten_by_no_restart(world: World, aws: Control, start) -> None:
    daemon = start(world)
    world.lose_primary_region()
    assert daemon.until_phase("dr-active", 120)["debts"]
    daemon.terminate()
    kept = daemon.overrides
    daemon.overrides = {**kept, "name": "renamed-app"}
    daemon.configure()
    daemon.start(wait=False)
    assert daemon.process is not None and daemon.process.wait(30 * PATIENCE) == NEEDS_SOMEBODY
    assert f"workload {WORKLOAD} is in no configuration, and not done with: fence debt" in daemon.log()
    daemon.overrides = kept
    daemon.configure()
    daemon.start()
    assert daemon.status()["debts"]

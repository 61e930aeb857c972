"""Who takes over is as large as the other one was at its peak, which is remembered while nobody can ask."""

from __future__ import annotations

import pytest

from checks import fail_over
from daemon import Daemon
from world import GROUP, World


def resize(world: World, desired: int) -> None:
    world.client("autoscaling", world.primary.region).update_auto_scaling_group(
        AutoScalingGroupName=GROUP, DesiredCapacity=desired)


def remembers(daemon: Daemon, desired: int) -> None:
    daemon.wait_until(f"{desired} is remembered", lambda: f"group is wanted at {desired} instance(s)" in daemon.log(), 40)


@pytest.mark.slow
def test_the_dr_region_takes_over_with_the_primarys_peak(world: World, start) -> None:
    """The peak is over, the daemon was restarted, the primary's API is gone: the peak is known all the same."""
    resize(world, 3)
    daemon = start(world)
    remembers(daemon, 3)
    resize(world, 2)
    daemon.kill()
    daemon.start()
    remembers(daemon, 2)
    plan = daemon.ctl("plan", "failover").stdout
    assert "up to 1/3/3" in plan, plan
    world.lose_primary_region()
    fail_over(world, daemon)
    assert world.sizes(world.dr) == (1, 3, 3)


def test_a_share_of_the_peak_and_never_less_than_configured(world: World, start) -> None:
    resize(world, 3)
    daemon = start(world, **{"dr.group.ofPeak": "34%"})
    remembers(daemon, 3)
    fail_over(world, daemon)
    assert world.sizes(world.dr) == (1, 2, 3)

"""The IAM policy that a configuration prints allows what is asked for it, and no more."""

from __future__ import annotations

import json
import subprocess

from checks import fail_over
from daemon import BINARIES
from policy import Policy
from world import World

#: What only a failback needs, and what is for the night on which something is left in the middle.
UNUSED = {
    "rds:CreateDBInstanceReadReplica", "rds:CreateDBSnapshot", "rds:DescribeDBSnapshots", "rds:ModifyDBInstance",
    "rds:AddTagsToResource", "rds:RebootDBInstance", "rds:StartDBInstance", "elasticloadbalancing:DeleteRule",
    "autoscaling:DescribeLaunchConfigurations", "autoscaling:DescribeScalingActivities", "kms:CreateGrant", "kms:DescribeKey",
}


def test_each_line_of_the_policy_is_needed_and_nothing_is_missing(world: World, start) -> None:
    daemon = start(world, page={"topic": world.topic}, **{"decision.fenceListener": True, "decision.fenceDatabase": True})
    fail_over(world, daemon)
    daemon.wait_until("the old database is stopped", lambda: world.changes("StopDBInstance"), 30)
    calls = world.control.calls(since=world.built)
    policy = Policy(BINARIES / "pilotlightd", daemon.config)
    assert policy.missing(calls) == set()
    whole = policy.statements
    for action in {action for statement in whole for action in statement["Action"]} - UNUSED:
        policy.statements = [statement | {"Action": [one for one in statement["Action"] if one != action]} for statement in whole]
        assert policy.missing(calls), f"{action} is allowed and not needed"
    # Other things, and other regions, are not allowed.
    text = json.dumps(whole)
    for old in ("us-west-2", "eu-west-1", "django-app"):
        policy.statements = json.loads(text.replace(old, "elsewhere"))
        assert policy.missing(calls), old


def test_the_policy_of_an_invalid_configuration_is_none(world: World, start) -> None:
    daemon = start(world)
    daemon.config.write_text("workloads: 3\n")
    printed = subprocess.run([BINARIES / "pilotlightd", "--policy", "--config", daemon.config], capture_output=True, text=True)
    assert printed.returncode == 2 and printed.stdout == "" and "pilotlight.yaml:1" in printed.stderr, printed

"""Auto Scaling with time: instances are Pending before InService and Terminating before gone, launches can fail, sizes
have limits, and activities tell the story. Targets of a load balancer are `initial` before `healthy`."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup

from . import state


def install() -> None:
    FakeAutoScalingGroup.active_instances = counted_instances
    FakeAutoScalingGroup.set_desired_capacity = set_desired_capacity
    FakeAutoScalingGroup.update = checked_update(FakeAutoScalingGroup.update)
    AutoScalingBackend.update_attached_target_groups = update_attached_target_groups
    AutoScalingResponse.describe_scaling_activities = describe_scaling_activities
    FakeTargetGroup.register = register(FakeTargetGroup.register)
    FakeTargetGroup.health_for = health_for(FakeTargetGroup.health_for)


def key_of(group: FakeAutoScalingGroup) -> tuple[str, str]:
    return group.region, group.name


def counted_instances(self: FakeAutoScalingGroup) -> list[InstanceState]:
    return [one for one in self.instance_states if one.lifecycle_state in ("Pending", "InService")]


def checked_update(original: Any) -> Any:
    def update(self: FakeAutoScalingGroup, *rest: Any, **named: Any) -> None:
        low = self.min_size if named.get("min_size") is None else named["min_size"]
        high = self.max_size if named.get("max_size") is None else named["max_size"]
        wish = named.get("desired_capacity")
        if low > high:
            raise ValidationError(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
        if wish is None:
            named["desired_capacity"] = min(max(self.desired_capacity or 0, low), high)
        elif not low <= wish <= high:
            raise ValidationError(f"Desired capacity:{wish} must be between the specified min size:{low} "
                                  f"and max size:{high}")
        original(self, *rest, **named)

    return update


def set_desired_capacity(self: FakeAutoScalingGroup, new_capacity: int | None) -> None:
    wish = self.min_size if new_capacity is None else new_capacity
    if not (self.min_size or 0) <= (wish or 0) <= (self.max_size or 0):
        raise ValidationError(f"New SetDesiredCapacity value {wish} is outside the group's bounds of "
                              f"{self.min_size} and {self.max_size}.")
    self.desired_capacity = wish
    reconcile(self)


def reconcile(group: FakeAutoScalingGroup) -> None:
    """Launches or terminates until the group has its desired size, as far as it is let to."""
    now = state.current()
    missing = (group.desired_capacity or 0) - len(counted_instances(group))
    suspended = {process["ProcessName"] for process in group.suspended_processes}
    if missing > 0 and "Launch" not in suspended:
        launch(group, missing)
    elif missing < 0 and "Terminate" not in suspended:
        terminate(group, -missing)
    failure = now.launch_failures.get(key_of(group))
    if failure and missing > 0:
        now.after(failure.get("retry", 0.5), lambda: reconcile(group))


def launch(group: FakeAutoScalingGroup, count: int) -> None:
    now = state.current()
    failure = now.launch_failures.get(key_of(group))
    if failure:
        allowed = max(0, failure.get("limit", 0) - len(counted_instances(group)))
        now.after(failure.get("delay", 0), lambda: fail(group))
        count = min(count, allowed)
    if count <= 0:
        return
    known = set(id(one) for one in group.instance_states)
    group.replace_autoscaling_group_instances(count, group.get_propagated_tags())
    for one in group.instance_states:
        if id(one) in known:
            continue
        one.lifecycle_state = "Pending"
        record(group, "Successful", f"Launching a new EC2 instance: {one.instance_id}")

        def in_service(one: InstanceState = one) -> None:
            if one.lifecycle_state == "Pending":
                one.lifecycle_state = "InService"
                attach(group)

        now.after(now.settings.launch, in_service)


def fail(group: FakeAutoScalingGroup) -> None:
    """A launch that failed shows; it is known only some time after it was asked for."""
    failure = state.current().launch_failures.get(key_of(group))
    if failure:
        record(group, "Failed", "Launching a new EC2 instance", failure["message"])


def terminate(group: FakeAutoScalingGroup, count: int) -> None:
    now = state.current()
    leaving = [one for one in counted_instances(group) if not one.protected_from_scale_in][:count]
    for one in leaving:
        one.lifecycle_state = "Terminating"
        record(group, "Successful", f"Terminating EC2 instance: {one.instance_id}")

        def gone(one: InstanceState = one) -> None:
            group.instance_states = [other for other in group.instance_states if other is not one]

        now.after(now.settings.terminate, gone)
    if leaving:
        ids = [one.instance_id for one in leaving]
        group.autoscaling_backend.ec2_backend.terminate_instances(ids)
        group.autoscaling_backend.elbv2_backend.notify_terminate_instances(ids)


def attach(group: FakeAutoScalingGroup) -> None:
    if group.name in group.autoscaling_backend.autoscaling_groups:
        group.autoscaling_backend.update_attached_target_groups(group.name)


def update_attached_target_groups(self: AutoScalingBackend, group_name: str) -> None:
    """Only instances in service become targets."""
    group = self.autoscaling_groups[group_name]
    if not group.target_group_arns:
        return
    serving = [one.instance_id for one in group.instance_states if one.lifecycle_state == "InService"]
    for target_group in self.elbv2_backend.describe_target_groups(None, group.target_group_arns, None):
        wanted = [one for one in serving if one not in target_group.targets]
        self.elbv2_backend.register_targets(
            target_group.arn, [{"Id": one, "Port": target_group.port} for one in wanted])


def record(group: FakeAutoScalingGroup, status: str, description: str, message: str | None = None) -> None:
    stamp = datetime.now(timezone.utc)
    entries = state.current().activities.setdefault(key_of(group), [])
    if entries and status == "Failed" and entries[0]["StatusCode"] == "Failed":
        entries.pop(0)  # a failure that repeats stays one line here; only the newest matters
    entries.insert(0, {
        "ActivityId": str(uuid.uuid4()), "AutoScalingGroupName": group.name, "Description": description,
        "Cause": "a difference between desired and actual capacity", "StartTime": stamp, "EndTime": stamp,
        "StatusCode": status, "StatusMessage": message, "Progress": 100,
    })


def describe_scaling_activities(self: AutoScalingResponse) -> ActionResult:
    name = self._get_param("AutoScalingGroupName")
    entries = state.current().activities.get((self.region, name), [])
    return ActionResult({"Activities": entries[: self._get_int_param("MaxRecords", 100)]})


def register(original: Any) -> Any:
    def registered(self: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
        original(self, targets)
        times = self.__dict__.setdefault("registered_at", {})
        for target in targets:
            times.setdefault(target["Id"], time.monotonic())

    return registered


def health_for(original: Any) -> Any:
    """`auto` (healthy some time after registration), `healthy`, `unhealthy`, `initial`, or `follow` a URL."""

    def judged(self: FakeTargetGroup, target: dict[str, Any], ec2_backend: Any) -> FakeHealthStatus:
        health = original(self, target, ec2_backend)
        if health.status != "healthy":
            return health
        wish = state.current().targets.get(self.arn, {"mode": "auto"})
        age = time.monotonic() - self.__dict__.get("registered_at", {}).get(target["Id"], 0.0)
        mode = wish["mode"]
        if mode == "follow":
            mode = "healthy" if followers.answers(wish["url"]) else "unhealthy"
        if mode == "initial" or (mode in ("auto", "healthy") and age < state.current().settings.target_healthy):
            health.status, health.reason = "initial", "Elb.RegistrationInProgress"
            health.description = "Target registration is in progress"
        elif mode == "unhealthy":
            health.status, health.reason = "unhealthy", "Target.Timeout"
            health.description = "Request timed out"
        return health

    return judged


class Followers:
    """Looks at URLs in the background, so that a target group's health follows a real server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: dict[str, bool] = {}
        self._epoch = 0

    def follow(self, url: str) -> None:
        with self._lock:
            if url in self._verdicts:
                return
            self._verdicts[url] = self._look(url)
            threading.Thread(target=self._watch, args=(url, self._epoch), daemon=True).start()

    def answers(self, url: str) -> bool:
        with self._lock:
            return self._verdicts.get(url, False)

    def clear(self) -> None:
        with self._lock:
            self._verdicts.clear()
            self._epoch += 1

    def _watch(self, url: str, epoch: int) -> None:
        while True:
            time.sleep(0.2)
            verdict = self._look(url)
            with self._lock:
                if epoch != self._epoch:
                    return
                self._verdicts[url] = verdict

    @staticmethod
    def _look(url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=0.5) as answer:
                return answer.status == 200
        except (OSError, ValueError, urllib.error.URLError):
            return False


followers = Followers()

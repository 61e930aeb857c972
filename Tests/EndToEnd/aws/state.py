"""The one mutable state of the stand-in: settings, a scheduler for slow transitions, and counters tests ask for.

Nothing here has a thread: transitions that are due are applied when the next request comes, under the server's lock, so
that what a client sees is the same whatever the machine's load.
"""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Callable

ACCESS_KEY = "AKIAPILOTLIGHT000001"
SECRET_KEY = "CanarySecretKey0123456789abcdefghijkLMNO"


@dataclass
class Settings:
    """Durations in seconds. All zero means that every transition is instant, as in plain moto."""

    #: PromoteReadReplica accepted -> status leaves `available` (real RDS answers before the change shows).
    promote_accept: float = 0.0
    #: `modifying`, with the source still listed.
    promote_modifying: float = 0.0
    #: `rebooting`, with the source already gone.
    promote_rebooting: float = 0.0
    #: CreateDBInstanceReadReplica -> `available`.
    create_replica: float = 0.0
    #: ModifyDBInstance with a new identifier -> the new name exists.
    rename: float = 0.0
    #: CreateDBSnapshot -> `available`; the instance is `backing-up` meanwhile.
    snapshot: float = 0.0
    #: StopDBInstance / StartDBInstance.
    stop_start: float = 0.0
    #: FailoverGlobalCluster or SwitchoverGlobalCluster answered -> FailoverState leaves `pending`.
    global_accept: float = 0.0
    #: `failing-over` -> the target is the writer; a cluster that is detached takes as long.
    failing_over: float = 0.0
    #: What FailoverState still says of a failover after that.
    operation_lingers: float = 0.0
    #: `switching-over` -> the two have traded places.
    switching_over: float = 0.0
    #: The region of an old primary is there -> it is a reader that is in step.
    resync: float = 0.0
    #: So many of the next switchovers are cancelled by Aurora.
    cancel_switchovers: int = 0
    #: An old primary is no member while its region is gone.
    forgets_lost_primary: bool = False
    #: The lag of a global database has the dimension SourceRegion.
    lag_source_region: bool = True
    #: Pending -> InService.
    launch: float = 0.0
    #: Terminating -> gone from the group.
    terminate: float = 0.0
    #: Target `initial` -> `healthy`.
    target_healthy: float = 0.0
    #: Route 53 change PENDING -> INSYNC.
    route53: float = 0.0
    #: Spacing of ReplicaLag datapoints; CloudWatch's own is 60.
    lag_period: float = 60.0
    #: What ReplicaLag does when the source's region is dead: `growing`, `absent` or `minus-one`.
    lag_after_death: str = "growing"
    #: Check every signature with botocore's own signer.
    verify_signatures: bool = True
    #: Our clock, relative to the true one: Date headers say so, and signatures are judged by it.
    clock_offset: float = 0.0

    def update(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            if not hasattr(self, name):
                raise KeyError(f"unknown setting {name}")
            setattr(self, name, type(getattr(self, name))(value))


@dataclass
class State:
    """Everything that `reset` throws away."""

    settings: Settings = field(default_factory=Settings)
    #: Accepted promotions: region, id, wall time.
    promotions: list[dict[str, Any]] = field(default_factory=list)
    #: Regions whose data plane is dead (their API may still answer).
    dead_regions: dict[str, float] = field(default_factory=dict)
    #: What goes on when a region is back.
    waiting: list[Callable[[], None]] = field(default_factory=list)
    #: (region, instance or cluster) -> script of its lag.
    lag: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    #: (region, instance) -> wall time since when it replicates.
    replicating_since: dict[tuple[str, str], float] = field(default_factory=dict)
    #: Target group ARN -> mode.
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: (region, group) -> why launches fail.
    launch_failures: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    #: (region, group) -> scaling activities, newest first.
    activities: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    #: Route 53 change id -> wall time of submission.
    changes: dict[str, float] = field(default_factory=dict)
    #: Zone -> record sets, as Route 53's name servers know them.
    zones: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: What SimulatePrincipalPolicy denies, as `rds:PromoteReadReplica`.
    denied: set[str] = field(default_factory=set)
    #: ARN of a routing control -> `On` or `Off`; and all of them after each change.
    routing_controls: dict[str, str] = field(default_factory=dict)
    routing_history: list[dict[str, str]] = field(default_factory=list)
    #: Safety rules over them, as `routing_controls.Rule`.
    safety_rules: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, seconds: float, effect: Callable[[], None]) -> None:
        """Runs `effect` once `seconds` have passed; at once if that is zero."""
        if seconds <= 0:
            effect()
        else:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), effect))

    def region_is_back(self, region: str) -> None:
        self.dead_regions.pop(region, None)
        waiting, self.waiting = self.waiting, []
        for effect in waiting:
            effect()

    def advance(self) -> None:
        """Applies every transition that is due, in order."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def describe(self) -> dict[str, Any]:
        return {
            "settings": asdict(self.settings),
            "promotions": self.promotions,
            "deadRegions": sorted(self.dead_regions),
            "pendingTransitions": len(self._due),
        }


#: The state of this process. Patches of moto reach it through `current`.
_current = State()


def current() -> State:
    return _current


def reset() -> State:
    global _current
    _current = State()
    return _current

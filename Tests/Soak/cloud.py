"""AWS for the soak: the seven questions a watching daemon asks and the one change an approving one makes, answered from
templates, thousands a second. moto answers a hundred."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qsl

ACCOUNT = "123456789012"
#: A group's min, desired, max until it is changed: the pilot light's.
STANDBY = (0, 0, 3)

#: Every so many calls one goes wrong: `close` hangs up without an answer, `silence` never answers.
FAULTS = ((97, "throttle"), (101, "close"), (211, "garbage"), (307, "denied"), (5003, "silence"))

ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>the soak says so</Message></Error>"
    "<RequestId>soak</RequestId></ErrorResponse>"
)


class Cloud:
    def __init__(self) -> None:
        self.sizes: dict[str, tuple[int, ...]] = {}
        self.calls = 0

    def fault(self) -> str | None:
        """What becomes of the next call; nil when it is answered."""
        self.calls += 1
        return next((name for every, name in FAULTS if self.calls % every == 0), None)

    def refuse(self, fault: str) -> tuple[str, str]:
        """Status and body of a fault that is an answer."""
        if fault == "garbage":
            return "200 OK", "<html><body>captive portal</body"
        code = {"throttle": "Throttling", "denied": "AccessDenied"}[fault]
        return "400 Bad Request", ERROR.format(code=code)

    def answer(self, body: bytes, healthy: bool) -> tuple[str, str]:
        """Status and body. `healthy` is what target health says."""
        wish = dict(parse_qsl(body.decode()))
        action = wish.get("Action", "")
        inside: Callable[[dict[str, str]], str] | None = {
            "GetCallerIdentity": self._identity, "GetMetricData": self._lag, "DescribeDBInstances": self._database,
            "DescribeAutoScalingGroups": self._group, "UpdateAutoScalingGroup": self._resize,
            "DescribeScalingActivities": self._activities,
            "DescribeTargetHealth": self._healthy if healthy else self._unhealthy,
        }.get(action)
        if inside is None:
            return "400 Bad Request", ERROR.format(code="InvalidAction")
        result = f"<{action}Result>{inside(wish)}</{action}Result>"
        return "200 OK", f"<{action}Response>{result}</{action}Response>"

    @staticmethod
    def _identity(_: dict[str, str]) -> str:
        return f"<Arn>arn:aws:iam::{ACCOUNT}:user/soak</Arn><UserId>AIDASOAK</UserId><Account>{ACCOUNT}</Account>"

    @staticmethod
    def _lag(_: dict[str, str]) -> str:
        """Fifteen minutes, a value a minute, as CloudWatch keeps them."""
        minute = int(time.time()) // 60 * 60
        times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(minute - 60 * back)) for back in range(14, -1, -1)]
        stamps = "".join(f"<member>{one}</member>" for one in times)
        values = "".join(f"<member>{one % 3}.0</member>" for one in range(len(times)))
        return (
            "<MetricDataResults><member><Id>lag</Id><StatusCode>Complete</StatusCode>"
            f"<Timestamps>{stamps}</Timestamps><Values>{values}</Values></member></MetricDataResults>"
        )

    @staticmethod
    def _database(wish: dict[str, str]) -> str:
        name = wish["DBInstanceIdentifier"]
        source = f"arn:aws:rds:eu-west-1:{ACCOUNT}:db:{name.removesuffix('-replica')}"
        replica = f"<ReadReplicaSourceDBInstanceIdentifier>{source}</ReadReplicaSourceDBInstanceIdentifier>"
        return (
            f"<DBInstances><DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier>"
            "<DBInstanceStatus>available</DBInstanceStatus><Engine>postgres</Engine>"
            f"<Endpoint><Address>{name}.soak.invalid</Address><Port>5432</Port></Endpoint>"
            f"<DBInstanceArn>arn:aws:rds:us-west-2:{ACCOUNT}:db:{name}</DBInstanceArn>"
            f"{replica if name.endswith('-replica') else ''}</DBInstance></DBInstances>"
        )

    def _group(self, wish: dict[str, str]) -> str:
        name = wish["AutoScalingGroupNames.member.1"]
        least, desired, most = self.sizes.get(name, STANDBY)
        instances = "".join(
            f"<member><InstanceId>i-{one}</InstanceId><LifecycleState>InService</LifecycleState>"
            "<HealthStatus>Healthy</HealthStatus></member>" for one in range(desired))
        return (
            f"<AutoScalingGroups><member><AutoScalingGroupName>{name}</AutoScalingGroupName>"
            f"<MinSize>{least}</MinSize><DesiredCapacity>{desired}</DesiredCapacity><MaxSize>{most}</MaxSize>"
            f"<Instances>{instances}</Instances></member></AutoScalingGroups>"
        )

    def _resize(self, wish: dict[str, str]) -> str:
        self.sizes[wish["AutoScalingGroupName"]] = tuple(
            int(wish[key]) for key in ("MinSize", "DesiredCapacity", "MaxSize"))
        return ""

    @staticmethod
    def _activities(_: dict[str, str]) -> str:
        return "<Activities/>"

    def _healthy(self, _: dict[str, str]) -> str:
        return self._targets("healthy")

    def _unhealthy(self, _: dict[str, str]) -> str:
        return self._targets("unhealthy")

    @staticmethod
    def _targets(state: str) -> str:
        return (
            "<TargetHealthDescriptions><member><Target><Id>i-1</Id></Target>"
            f"<TargetHealth><State>{state}</State></TargetHealth></member></TargetHealthDescriptions>"
        )

"""The reference deployment, built through boto3 in the stand-in for AWS, with real HTTP servers as its load balancers.

eu-west-1 serves: ASG 1/2/3, ALB, RDS `django-app`, a secret. us-west-2 is the pilot light: ASG 0/0/3, ALB, the
cross-region replica `django-app-replica`, a secret of its own, a bucket for the traffic switch, an SNS topic. Route 53
leads to the primary.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alb import Alb
from aws.client import Control

PRIMARY, DR = "eu-west-1", "us-west-2"
ACCOUNT = "123456789012"
GROUP = "django-app"
DATABASE, REPLICA = "django-app", "django-app-replica"
PARAMETERS = "django-app-postgres16"
#: Days for which the primary database's backups are kept.
BACKUPS = 14
SECRET = "django-app/database"
BUCKET, SWITCH = "django-app-switch", "serve-from-dr"
ZONE_NAME, RECORD = "example.org", "app.example.org"
PANEL = f"arn:aws:route53-recovery-control::{ACCOUNT}:controlpanel/0123456789abcdef0123456789abcdef"
#: Routing controls: the primary's, the DR region's, and one that leads nobody anywhere.
HOME_CONTROL, AWAY_CONTROL, GATE_CONTROL = (f"{PANEL}/routingcontrol/{letter * 16}" for letter in "abc")
SERVING, STANDBY = (1, 2, 3), (0, 0, 3)

#: Secrets of this deployment that must never be seen outside of it.
CANARIES = ("CanaryDatabasePassword-4711", "CanaryApiToken-0815")

#: How long things take, in seconds: long enough to be seen, short enough for a test.
BRISK = {
    "promote_accept": 0.1, "promote_modifying": 0.5, "promote_rebooting": 0.3, "create_replica": 0.6, "rename": 0.3,
    "snapshot": 0.3, "stop_start": 0.3, "launch": 0.4, "terminate": 0.2, "target_healthy": 0.2, "route53": 0.3,
    "lag_period": 1.0,
}


@dataclass
class Site:
    """What was built in one region."""

    region: str
    alb: Alb
    group: str = GROUP
    subnets: list[str] = field(default_factory=list)
    target_group: str = ""
    listener: str = ""
    dns_name: str = ""
    alias_zone: str = ""
    secret_arn: str = ""


class World:
    """The two regions, and what tests ask about them from outside."""

    #: The Aurora global database of both sides, if that is what they have.
    global_database: str | None = None
    #: What promotes a database, of whatever kind.
    promotes: tuple[str, ...] = ("PromoteReadReplica",)

    def __init__(self, control: Control, traffic: str = "cname", brisk: bool = True, **settings: Any) -> None:
        """`traffic` is `cname`, `alias`, `weighted`, `failover` (a pair, the primary's on a health check), `switch` or
        `controls` (routing controls of Application Recovery Controller)."""
        self.control = control
        self.traffic = traffic
        control.reset()
        self.primary = Site(PRIMARY, Alb())
        self.dr = Site(DR, Alb())
        for site in (self.primary, self.dr):
            self._build_site(site, SERVING if site is self.primary else STANDBY)
        self._build_databases()
        self._build_secrets()
        self._build_traffic()
        self.topic = self.sns.create_topic(Name="django-app-incidents")["TopicArn"]
        self.oncall = self.sns.subscribe(
            TopicArn=self.topic, Protocol="email", Endpoint="oncall@example.com", ReturnSubscriptionArn=True)["SubscriptionArn"]
        control.targets(self.primary.target_group, "follow", url=self.primary.alb.url)
        control.configure(**{**(BRISK if brisk else {}), **settings})
        #: Of the newest daemon that guards it.
        self.config: Path | None = None
        #: Calls up to here built the world; what comes after is the daemon's doing.
        self.built = control.mark()

    def close(self) -> None:
        self.control.lift()
        self.primary.alb.stop()
        self.dr.alb.stop()

    # Clients

    def client(self, service: str, region: str) -> Any:
        return self.control.client(service, region)

    @property
    def sns(self) -> Any:
        return self.client("sns", DR)

    @property
    def route53(self) -> Any:
        return self.client("route53", "us-east-1")

    @property
    def s3(self) -> Any:
        return self.client("s3", DR)

    # Building

    def _build_site(self, site: Site, sizes: tuple[int, int, int]) -> None:
        ec2, elb = self.client("ec2", site.region), self.client("elbv2", site.region)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for index, zone in enumerate("ab"):
            subnet = ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{site.region}{zone}")
            site.subnets.append(subnet["Subnet"]["SubnetId"])
        ec2.create_launch_template(
            LaunchTemplateName=GROUP, LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"})
        balancer = elb.create_load_balancer(Name=GROUP, Subnets=site.subnets)["LoadBalancers"][0]
        site.dns_name, site.alias_zone = balancer["DNSName"], balancer["CanonicalHostedZoneId"]
        site.target_group = elb.create_target_group(
            Name=GROUP, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
        site.listener = elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": site.target_group}])["Listeners"][0]["ListenerArn"]
        self.client("autoscaling", site.region).create_auto_scaling_group(
            AutoScalingGroupName=GROUP, MinSize=sizes[0], DesiredCapacity=sizes[1], MaxSize=sizes[2],
            LaunchTemplate={"LaunchTemplateName": GROUP}, VPCZoneIdentifier=",".join(site.subnets),
            TargetGroupARNs=[site.target_group])

    def _build_databases(self) -> None:
        """As production is kept: what a replica does not bring along was set by hand on both sides."""
        kept = {"DeletionProtection": True, "CopyTagsToSnapshot": True, "EnableIAMDatabaseAuthentication": True}
        tags = [{"Key": "backup", "Value": "daily"}, {"Key": "team", "Value": "django & co"}]
        for region in (PRIMARY, DR):
            self.client("rds", region).create_db_parameter_group(
                DBParameterGroupName=PARAMETERS, DBParameterGroupFamily="postgres16", Description="of the application")
        self.client("rds", PRIMARY).create_db_instance(
            **kept, MultiAZ=True, DBParameterGroupName=PARAMETERS, Tags=tags,
            DBInstanceIdentifier=DATABASE, Engine="postgres", EngineVersion="16.4", DBInstanceClass="db.t3.micro",
            AllocatedStorage=20, MasterUsername="django", MasterUserPassword=CANARIES[0], BackupRetentionPeriod=BACKUPS)
        self.client("rds", DR).create_db_instance_read_replica(
            DBInstanceIdentifier=REPLICA, SourceDBInstanceIdentifier=f"arn:aws:rds:{PRIMARY}:{ACCOUNT}:db:{DATABASE}",
            **kept, Tags=tags)
        self.client("rds", DR).modify_db_instance(
            DBInstanceIdentifier=REPLICA, DBParameterGroupName=PARAMETERS, ApplyImmediately=True)
        self.client("rds", DR).reboot_db_instance(DBInstanceIdentifier=REPLICA)

    def _build_secrets(self) -> None:
        for site in (self.primary, self.dr):
            content = {
                "username": "django", "password": CANARIES[0], "apiToken": CANARIES[1],
                "host": self.address(PRIMARY, DATABASE), "port": 5432, "dbname": "django",
            }
            site.secret_arn = self.client("secretsmanager", site.region).create_secret(
                Name=SECRET, SecretString=json.dumps(content))["ARN"]

    def _build_traffic(self) -> None:
        self.zone = self.route53.create_hosted_zone(
            Name=ZONE_NAME, CallerReference=str(time.time()))["HostedZone"]["Id"].rsplit("/", 1)[-1]
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": DR})
        sets: list[dict[str, Any]] = []
        if self.traffic == "controls":
            self.control.set_routing_controls({HOME_CONTROL: "On", AWAY_CONTROL: "Off", GATE_CONTROL: "Off"})
        if self.traffic == "cname":
            sets = [{"TTL": 60, "ResourceRecords": [{"Value": self.primary.dns_name}]}]
        elif self.traffic == "alias":
            alias = {
                "HostedZoneId": self.primary.alias_zone, "DNSName": self.primary.dns_name, "EvaluateTargetHealth": True,
            }
            sets = [{"AliasTarget": alias}]
        elif self.traffic == "weighted":
            sets = [
                {"TTL": 60, "SetIdentifier": name, "Weight": weight, "ResourceRecords": [{"Value": site.dns_name}]}
                for name, weight, site in (("primary", 100, self.primary), ("dr", 0, self.dr))
            ]
        elif self.traffic == "failover":
            self.check = self._build_check()
            sets = [
                {"TTL": 60, "SetIdentifier": role.lower(), "Failover": role,
                 "ResourceRecords": [{"Value": site.dns_name}], **check}
                for role, site, check in (
                    ("PRIMARY", self.primary, {"HealthCheckId": self.check}), ("SECONDARY", self.dr, {}))
            ]
        kind = "A" if self.traffic == "alias" else "CNAME"
        changes = [{"Action": "CREATE", "ResourceRecordSet": {"Name": RECORD, "Type": kind, **one}} for one in sets]
        if changes:
            self.route53.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": changes})

    def _build_check(self) -> str:
        """With settings of its owner, none of which a move of the traffic may touch."""
        config = {
            "Type": "HTTPS", "FullyQualifiedDomainName": self.primary.dns_name, "Port": 443, "ResourcePath": "/health",
            "RequestInterval": 10, "FailureThreshold": 2, "Regions": ["eu-west-1", "us-west-2", "ap-southeast-1"],
        }
        return self.route53.create_health_check(
            CallerReference=str(time.time()), HealthCheckConfig=config)["HealthCheck"]["Id"]

    # Breaking and mending

    def break_primary(self, mode: str = "refused") -> None:
        """The application dies: its load balancer fails in `mode`, its targets are unhealthy, replication stops."""
        self.primary.alb.mode = mode
        self.control.targets(self.primary.target_group, "unhealthy")
        self.control.region_dead(PRIMARY)

    def mend_primary(self) -> None:
        self.mend_primary_application()
        self.control.region_dead(PRIMARY, dead=False)

    def mend_primary_application(self) -> None:
        self.primary.alb.mode = "ok"
        self.control.targets(self.primary.target_group, "follow", url=self.primary.alb.url)

    def lose_primary_region(self) -> int:
        """The application and every API of its region are gone."""
        self.break_primary("timeout")
        return self.control.fault("region-down", region=PRIMARY)

    def cut_network(self) -> int:
        """The daemon's own network is dead: nothing answers, neither AWS nor any load balancer."""
        self.primary.alb.mode = "timeout"
        self.dr.alb.mode = "timeout"
        return self.control.fault("black-hole")

    # Looking from outside

    def database_status(self, region: str, identifier: str) -> str:
        return self.instance(region, identifier)["DBInstanceStatus"]

    def address(self, region: str, identifier: str) -> str:
        return self.instance(region, identifier)["Endpoint"]["Address"]

    def instance(self, region: str, identifier: str) -> dict[str, Any]:
        return self.client("rds", region).describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]

    def delete_database(self, region: str, identifier: str) -> None:
        rds = self.client("rds", region)
        rds.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True)
        rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)

    def instances(self, region: str) -> dict[str, dict[str, Any]]:
        found = self.client("rds", region).describe_db_instances()["DBInstances"]
        return {one["DBInstanceIdentifier"]: one for one in found}

    def replicates(self, region: str, identifier: str) -> str | None:
        """The source's identifier, or None for a standalone instance."""
        source = self.instance(region, identifier).get("ReadReplicaSourceDBInstanceIdentifier")
        return source.rsplit(":", 1)[-1] if source else None

    def sizes(self, site: Site) -> tuple[int, int, int]:
        """Min, desired, max."""
        group = self._group(site)
        return group["MinSize"], group["DesiredCapacity"], group["MaxSize"]

    def in_service(self, site: Site) -> int:
        return sum(one["LifecycleState"] == "InService" for one in self._group(site)["Instances"])

    def instance_ids(self, site: Site) -> list[str]:
        return [one["InstanceId"] for one in self._group(site)["Instances"]]

    def _group(self, site: Site) -> dict[str, Any]:
        found = self.client("autoscaling", site.region).describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])
        return found["AutoScalingGroups"][0]

    def secret(self, site: Site) -> dict[str, Any]:
        value = self.client("secretsmanager", site.region).get_secret_value(SecretId=SECRET)
        return json.loads(value["SecretString"])

    def serving(self) -> str:
        """Where users are led: `primary` or `dr`."""
        if self.traffic == "switch":
            return "dr" if self.switch_present() else "primary"
        if self.traffic == "failover":
            return "dr" if self.switches() == (True, True) else "primary"
        if self.traffic == "controls":
            states = self.control.routing_controls()
            return {("On", "Off"): "primary", ("Off", "On"): "dr"}[states[HOME_CONTROL], states[AWAY_CONTROL]]
        sets = [
            one for one in self.route53.list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
            if one["Name"].rstrip(".") == RECORD
        ]
        if self.traffic == "weighted":
            sets = [one for one in sets if one["Weight"] > 0]
        assert len(sets) == 1, f"one way must be open, not {sets}"
        host = sets[0]["AliasTarget"]["DNSName"] if "AliasTarget" in sets[0] else sets[0]["ResourceRecords"][0]["Value"]
        host = host.rstrip(".").lower().removeprefix("dualstack.")
        return {self.primary.dns_name.lower(): "primary", self.dr.dns_name.lower(): "dr"}[host]

    def switch_present(self) -> bool:
        return any(one["Key"] == SWITCH for one in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []))

    def check_config(self) -> dict[str, Any]:
        return self.route53.get_health_check(HealthCheckId=self.check)["HealthCheck"]["HealthCheckConfig"]

    def switches(self) -> tuple[bool, bool]:
        """Whether the health check is disabled, and inverted."""
        config = self.check_config()
        return config["Disabled"], config["Inverted"]

    def set_switches(self, disabled: bool, inverted: bool) -> None:
        self.route53.update_health_check(HealthCheckId=self.check, Disabled=disabled, Inverted=inverted)

    def writes_held(self, site: Site) -> bool:
        """A rule of ours at the listener answers 503."""
        rules = self.client("elbv2", site.region).describe_rules(ListenerArn=site.listener)["Rules"]
        return any(one["Actions"][0]["Type"] == "fixed-response" for one in rules)

    # What was done to the cloud

    def changes(self, action: str | None = None) -> list[dict[str, Any]]:
        """Every mutating call since the world was built, in order."""
        return self.control.calls(since=self.built, mutating=True, action=action)

    def promotions(self) -> list[str]:
        """Identifiers in the order in which their promotion was accepted."""
        return [one["id"] for one in self.control.promotions()]

    def announcements(self) -> list[str]:
        return [one["params"].get("Message", "") for one in self.changes("Publish") if one["status"] == 200]

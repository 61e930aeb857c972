"""A person is called: over the network, with what he needs to know, until the page is taken."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aws.client import Control
from checks import assert_failed_over, fail_over
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


def test_whoever_serves_the_users_on_the_way_home_is_watched(world: World, aws: Control, start) -> None:
    """A failback may take hours, and the DR region may die in them."""
    daemon = paging(world, start)
    fail_over(world, daemon)
    world.mend_primary()
    daemon.order("ack", "--loss-reviewed")
    fault = aws.fault("denied", action="CreateDBInstanceReadReplica")
    daemon.order("failback", "--confirm", WORKLOAD)
    daemon.wait_until("it is stuck", lambda: any("/stepStuck/" in page for page in world.announcements()), 60)
    world.dr.alb.mode = "refused"
    daemon.wait_until("the page", lambda: any("servingDown" in page for page in world.announcements()), 30)
    world.dr.alb.mode = "ok"
    aws.lift(fault)
    daemon.order("retry")
    daemon.until_phase("healthy", 120)
    (told,) = [page for page in world.announcements() if "servingDown" in page]
    assert "the DR region serves the users and its probe fails" in told


def certificate(directory: Path, days: int) -> ssl.SSLContext:
    """Good until so many days from now; the authority that vouches for it is itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=90))
        .not_valid_after(now + datetime.timedelta(days=days)).add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256()))
    file = directory / f"certificate{days}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_certificate_that_has_expired_begins_nothing_and_calls_somebody(world: World, tmp_path: Path, start) -> None:
    """F9."""
    alb = world.primary.alb
    good, expired = certificate(tmp_path, 30), certificate(tmp_path, -1)
    authorities = tmp_path / "authorities.pem"
    authorities.write_bytes(b"".join(file.read_bytes() for file in sorted(tmp_path.glob("certificate*.pem"))))
    world.control.targets(world.primary.target_group, "healthy")
    alb.tls = good
    daemon = paging(
        world, start, **{"primary.alb.url": alb.url.replace("http:", "https:"), "primary.alb.caFile": str(authorities)})
    alb.tls = expired
    daemon.wait_until("the page", lambda: any("turnedAway" in page for page in world.announcements()), 30)
    (told,) = [page for page in world.announcements() if "turnedAway" in page]
    assert "users may be turned away" in told and "TLS broken" in told
    assert daemon.status()["phase"] == "degraded"
    assert not [call for call in world.changes() if call["action"] != "Publish"]
    alb.tls = good
    daemon.until_phase("healthy", 15)

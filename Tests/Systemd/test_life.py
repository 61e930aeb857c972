"""Start, reload, stop, keys, and what the journal says: the service as its operator meets it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import time
from pathlib import Path

from aws.state import SECRET_KEY
from checks import assert_failed_over
from service import (
    ALICE, CONFIG, CONTROL, EVE, KEYS, LEDGER, SERVICE, SOCKET, Service, account, cursor, journal, prop, properties, run, said, systemctl, wait_until)
from settings import WORKLOAD

#: syslog's words for the daemon's levels.
ERROR = "3"


def status_text() -> str:
    return prop("StatusText")


def test_ready_means_that_it_answers_and_the_status_is_true(service: Service) -> None:
    service.start()
    # `start` has waited for READY=1: the first question after it is answered.
    assert service.ctl("status").returncode == 0
    assert properties("Type", "ActiveState", "NotifyAccess") == {"Type": "notify", "ActiveState": "active", "NotifyAccess": "main"}
    service.armed()
    wait_until("STATUS= says healthy", lambda: f"{WORKLOAD} healthy" in status_text(), 5)
    assert service.world
    service.world.break_primary()
    wait_until("STATUS= says degraded", lambda: "degraded" in status_text() or "failing-over" in status_text(), 10)
    service.until_phase("dr-active")
    wait_until("STATUS= says dr-active", lambda: "dr-active" in status_text(), 5)


def test_nothing_but_its_own_lines_stands_in_the_journal(service: Service) -> None:
    """What comes by standard error is a library's."""
    before = cursor()
    service.start().armed()
    assert said("_TRANSPORT=stdout", since=before) == []


def test_a_disk_that_others_fill_keeps_no_failover_from_its_way(service: Service) -> None:
    """F62: the room of the ledger is set aside."""
    LEDGER.parent.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(LEDGER.parent), check=True)
    try:
        service.start().armed()
        with contextlib.suppress(OSError), (LEDGER.parent / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(1 << 12))
        assert os.statvfs(LEDGER.parent).f_bavail == 0
        world, secret = service.losing_its_primary()
        service.until_phase("dr-active")
        assert_failed_over(world, secret)
        assert service.restarts == 0
        systemctl("stop", SOCKET, SERVICE)
    finally:
        run("umount", "--lazy", str(LEDGER.parent))


def test_the_journal_alone_tells_the_story_of_an_incident(service: Service) -> None:
    before = cursor()
    world, secret = service.losing_its_primary()
    service.until_phase("dr-active")
    assert_failed_over(world, secret)
    incident = next(line["PILOTLIGHT_INCIDENT"] for line in journal(since=before) if line.get("PILOTLIGHT_EVENT") == "runBegun")
    story = journal(f"PILOTLIGHT_INCIDENT={incident}")
    events = [line["PILOTLIGHT_EVENT"] for line in story]
    for event in ("runBegun", "stepStarted", "acting", "accepted", "gatePassed", "stepDone", "runFinished"):
        assert event in events, events
    for line in story:
        assert line["PILOTLIGHT_WORKLOAD"] == WORKLOAD
        assert len(line["MESSAGE_ID"]) == 32 and line["PRIORITY"] in "234567"
        assert line["CODE_FILE"].startswith("pilotlightd/") and int(line["CODE_LINE"]) > 0
        assert line["SYSLOG_IDENTIFIER"] == "pilotlightd" and line["_TRANSPORT"] == "journal"
        assert line["PILOTLIGHT_PHASE"] in ("healthy", "degraded", "failing-over", "dr-active")
    steps = {line["PILOTLIGHT_STEP"] for line in story if "PILOTLIGHT_STEP" in line}
    assert {"promote-replica", "shift-traffic"} <= steps
    # The same by pilotlightctl, and with what it means.
    lines = service.ctl("logs", incident, "--json").stdout.splitlines()
    assert [json.loads(line)["MESSAGE"] for line in lines] == [line["MESSAGE"] for line in story]
    explained = service.ctl("logs", incident, "--explain").stdout
    assert "pilotlightctl status` follows it" in explained
    assert "From the next step on there is no automatic way back" in explained
    assert service.ctl("logs", "no-such-incident", "--json").stdout == ""


def test_what_it_says_last_stands_under_its_unit_even_where_the_journal_reads_it_late(service: Service) -> None:
    """journald asks /proc for the unit of a line as it reads it: a process that is gone by then has none."""
    service.start().armed()
    time.sleep(6)  # What it found five seconds ago it believes.
    before, journald = cursor(), int(prop("MainPID", "systemd-journald.service"))
    os.kill(journald, signal.SIGSTOP)
    try:
        stop = subprocess.Popen(["systemctl", "stop", SOCKET, SERVICE])
        time.sleep(0.7)
    finally:
        os.kill(journald, signal.SIGCONT)
    assert stop.wait(10) == 0
    wait_until("its last line is there", lambda: any("a run in progress continues" in line for line in said(since=before)), 5)


def test_it_is_quiet_in_health(service: Service) -> None:
    """None in a quarter of a minute, with two probes a second; hours are test_quiet.py's."""
    service.configure(logLevel="info")
    service.start().armed()
    time.sleep(2)
    before = cursor()
    time.sleep(15)
    assert said(since=before) == []


def test_a_good_configuration_is_taken_by_a_reload_and_a_bad_one_refused(service: Service) -> None:
    service.start().armed()
    pid, before = service.pid, cursor()
    service.configure({"mode": "observe"})
    systemctl("reload", SERVICE)
    # It is in force when the command is over.
    assert service.status()["mode"] == "observe"
    assert any("1 workload(s) in force" in line for line in said(since=before))

    before = cursor()
    good = CONFIG.read_text()
    CONFIG.write_text(good.replace("mode: observe", "mode: automagic"))
    line_number = 1 + next(index for index, line in enumerate(good.splitlines()) if "mode: observe" in line)
    assert run("systemctl", "reload", SERVICE).returncode != 0
    refusal = [line for line in journal(since=before) if line.get("PILOTLIGHT_EVENT") == "configurationRefused"]
    assert refusal and all(line["PRIORITY"] == ERROR for line in refusal)
    assert any(f"{CONFIG}:{line_number}" in line["MESSAGE"] for line in refusal), refusal
    told = service.ctl("reload")
    assert told.returncode == 1 and f"{CONFIG}:{line_number}" in told.stderr
    # It watches on, with what it had.
    assert properties("ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
    assert service.pid == pid and service.status()["mode"] == "observe"
    assert WORKLOAD in status_text()

    CONFIG.write_text(good)
    os.kill(pid, 1)
    wait_until("SIGHUP reloads", lambda: any("in force" in line for line in said(since=before)), 5)
    wait_until("the reload is over", lambda: prop("SubState") == "running", 5)


def test_a_configuration_that_is_refused_at_start_ends_in_2_and_stays_so(service: Service) -> None:
    CONFIG.write_text("workloads: nonsense\n")
    assert run("systemctl", "start", SERVICE).returncode != 0
    assert properties("ActiveState", "ExecMainStatus", "NRestarts") == {
        "ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}
    assert any(f"{CONFIG}:1" in line for line in said())
    # A question starts it, and is told why there is no answer.
    asked = service.ctl("status")
    assert asked.returncode == 1 and "cannot start" in asked.stderr and f"{CONFIG}:1" in asked.stderr, asked
    wait_until("it has ended", lambda: prop("ActiveState") == "failed", 10)
    assert prop("ActiveState", SOCKET) == "active"


def test_a_stop_waits_for_the_call_that_is_under_way_and_records_it(service: Service, aws_process) -> None:
    """F93: SIGTERM finishes the current call, journals, exits."""
    service.start().armed()
    world = service.world
    assert world
    aws_process.fault("latency", action="PromoteReadReplica", seconds=3, count=1)
    world.break_primary()
    wait_until("the promotion is asked for", lambda: world.changes("PromoteReadReplica"), 40)
    before, begun = cursor(), time.monotonic()
    systemctl("stop", SERVICE)
    took = time.monotonic() - begun
    assert 1 < took < 10, took
    assert properties("Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}
    taken = [line for line in journal(since=before) if line.get("PILOTLIGHT_EVENT") == "accepted"]
    assert any(line.get("PILOTLIGHT_STEP") == "promote-replica" for line in taken), said(since=before)
    service.start()
    service.until_phase("dr-active")
    assert len(world.changes("PromoteReadReplica")) == 1


def test_a_stop_does_not_wait_for_ever(service: Service, aws_process) -> None:
    service.start().armed()
    world = service.world
    assert world
    aws_process.fault("hold", action="PromoteReadReplica")
    world.break_primary()
    wait_until("the promotion hangs", lambda: world.changes("PromoteReadReplica"), 40)
    begun = time.monotonic()
    systemctl("stop", SERVICE)
    assert time.monotonic() - begun < 15
    assert prop("Result") == "success"


def test_a_stop_during_a_long_start_does_not_wait_for_its_end(service: Service) -> None:
    caught = service.obstruct("busy-start")
    systemctl("start", "--no-block", SERVICE)
    wait_until("the ledger is being opened", lambda: prop("ActiveState") == "activating" and caught_once(caught), 10)
    begun = time.monotonic()
    systemctl("stop", SERVICE)
    assert time.monotonic() - begun < 2, account()
    assert properties("Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}
    assert any("stopped before it was ready" in line for line in said())
    service.clear()
    service.start().armed()


def caught_once(file: Path) -> bool:
    return file.exists() and bool(file.read_text())


def test_from_the_signal_on_nothing_is_begun_and_the_status_is_the_last_word(service: Service) -> None:
    """Who has begun to ask holds the end up for a second, in which a primary dies."""
    service.start().armed()
    world = service.world
    assert world
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(CONTROL))
        asker.sendall(b"GET /v1/health HTT")
        time.sleep(0.2)
        world.break_primary()
        before = cursor()
        systemctl("stop", "--no-block", SERVICE)
        seen = set()
        while prop("ActiveState") not in ("inactive", "failed"):
            seen.add(status_text())
        # The first looks may come before the signal.
        told = [line for line in journal(since=before) if "PILOTLIGHT_EVENT" in line]
    stopping = next(index for index, line in enumerate(told) if line["PILOTLIGHT_EVENT"] == "daemonStopping")
    assert [line["MESSAGE"] for line in told[stopping + 1:]] == []
    assert any(text.startswith("stopping") for text in seen)
    assert not any("degraded" in text for text in seen), seen


def test_keys_come_by_load_credential_and_show_nowhere(service: Service) -> None:
    service.start().armed()
    proc = Path(f"/proc/{service.pid}")
    environment = (proc / "environ").read_bytes()
    assert b"AWS_SHARED_CREDENTIALS_FILE=/run/credentials/pilotlightd.service/pilotlight.aws" in environment
    assert SECRET_KEY.encode() not in environment + (proc / "cmdline").read_bytes()
    assert run("cat", str(KEYS), user="pilotlight").returncode != 0
    assert run("cat", "/run/credentials/pilotlightd.service/pilotlight.aws", user=ALICE).returncode != 0
    # Without them it is not armed, and says why.
    systemctl("stop", SERVICE)
    KEYS.unlink()
    before = cursor()
    service.start()
    wait_until("it says that there are none", lambda: any("no credentials" in line for line in said(since=before)), 15)
    assert not service.status()["armed"]["ok"]
    # The same news several times a second would bury all others.
    time.sleep(3)
    assert sum("no credentials" in line for line in said(since=before)) <= 2


def test_the_group_may_order_and_is_named_and_strangers_may_not(service: Service) -> None:
    """In its user namespace everybody but root is nobody to the daemon; it knows all the same who it is."""
    service.start().armed()
    assert service.ctl("pause", WORKLOAD, "--reason", "maintenance", user=ALICE).returncode == 0
    assert any("alice (4321)" in line for line in said()), said()[-5:]
    assert "alice" in service.ctl("history").stdout
    assert service.ctl("resume", WORKLOAD, "--reason", "done", user="root").returncode == 0
    assert "root" in service.ctl("history").stdout
    refused = service.ctl("status", user=EVE)
    assert refused.returncode == 1 and "no permission for" in refused.stderr


def test_reading_and_ordering_are_granted_apart(service: Service) -> None:
    """F94."""
    service.configure(operators="root")
    service.start().armed()
    refused = service.ctl("pause", WORKLOAD, "--reason", "maintenance", user=ALICE)
    assert refused.returncode == 3 and "alice (4321) is no member of the group root" in refused.stderr, refused
    assert service.ctl("status", user=ALICE).returncode == 0 and service.ctl("explain", user=ALICE).returncode == 0
    wait_until("it is told", lambda: any("an order is refused: alice (4321)" in line for line in said()), 5)
    assert service.status()["paused"] is False
    assert service.ctl("pause", WORKLOAD, "--reason", "maintenance", user="root").returncode == 0
    service.configure(operators="pilotlight")
    systemctl("restart", SERVICE)
    assert service.ctl("resume", WORKLOAD, "--reason", "done", user=ALICE).returncode == 0


def test_who_connects_gives_the_order_and_not_who_made_the_socket(service: Service) -> None:
    """A socket that root has made, and alice connects."""
    service.start().armed()
    order = json.dumps({"workload": WORKLOAD, "order": "pause", "reason": "maintenance"})
    request = f"POST /v1/orders HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(order)}\r\n\r\n{order}"
    with socket.socket(socket.AF_UNIX) as made:
        child = os.fork()
        if child == 0:
            try:
                os.initgroups(ALICE, pwd.getpwnam(ALICE).pw_gid)
                os.setgid(pwd.getpwnam(ALICE).pw_gid)
                os.setuid(pwd.getpwnam(ALICE).pw_uid)
                made.connect(str(CONTROL))
                made.sendall(request.encode())
                os._exit(0 if b" 200 " in made.recv(1000) else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
    history = service.ctl("history").stdout
    assert f"an unknown user (process {child})" in history and "root" not in history, history


def test_restarted_it_is_there_within_a_second(service: Service) -> None:
    service.start().armed()
    systemctl("restart", SERVICE)
    begun, ready = (int(prop(name)) for name in ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic"))
    assert (ready - begun) / 1e6 < 1

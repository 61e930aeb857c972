"""pilotlightd as systemd's service: installed from its package, told and asked by systemctl, journalctl and pilotlightctl."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import settings
from aws.state import ACCESS_KEY, SECRET_KEY
from world import World

PACKAGE = Path(os.environ["PACKAGE"])
SERVICE, SOCKET = "pilotlightd.service", "pilotlightd.socket"
CONFIG = Path("/etc/pilotlight/pilotlight.yaml")
LEDGER = Path("/var/lib/pilotlight/ledger.db")
CONTROL = Path("/run/pilotlight/control.sock")
KEYS = Path("/etc/credstore/pilotlight.aws")
DROP_INS = Path("/etc/systemd/system/pilotlightd.service.d")
#: Where obstruct.c looks; the service can see it, and write there.
OBSTRUCT_IN = Path("/var/lib/obstruct")

#: A member of the group, and a stranger.
ALICE, EVE = "alice", "eve"


def run(*words: str, user: str | None = None, check: bool = False, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """A command as a user types it."""
    prefix: list[str] = []
    if user:
        prefix = ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups"]
    done = subprocess.run(
        [*prefix, *words], capture_output=True, text=True, timeout=seconds, cwd="/", stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LANG": "C.UTF-8", "TERM": "dumb"})
    assert not check or done.returncode == 0, f"{words}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return done


def systemctl(*words: str, check: bool = True, seconds: float = 60) -> str:
    done = run("systemctl", "--no-pager", *words, seconds=seconds)
    assert not check or done.returncode == 0, f"systemctl {words}: exit {done.returncode}: {done.stderr}\n{account()}"
    return done.stdout


def properties(*names: str, unit: str = SERVICE) -> dict[str, str]:
    lines = systemctl("show", unit, *(f"--property={name}" for name in names)).splitlines()
    return dict(line.split("=", 1) for line in lines)


def prop(name: str, unit: str = SERVICE) -> str:
    return properties(name, unit=unit)[name]


def journal(*matches: str, unit: str = SERVICE, since: str | None = None) -> list[dict[str, Any]]:
    """Lines of the journal with all their fields; `since` is a cursor."""
    words = ["journalctl", "--no-pager", "--output=json", f"--unit={unit}", *matches]
    if since:
        # Not --after-cursor: where the entry of the cursor is none that is looked for, it leaves out the first that is.
        words.append(f"--cursor={since}")
    lines = [json.loads(line) for line in run(*words, check=True).stdout.splitlines()]
    return [line for line in lines if line["__CURSOR"] != since]


def said(*matches: str, **choice: Any) -> list[str]:
    return [str(line["MESSAGE"]) for line in journal(*matches, **choice)]


def cursor() -> str:
    """Where the journal ends now."""
    run("journalctl", "--sync")
    lines = run("journalctl", "--no-pager", "--lines=1", "--output=json").stdout.splitlines()
    return json.loads(lines[-1])["__CURSOR"]


def wait_until(what: str, holds: Callable[[], Any], seconds: float, pause: float = 0.05) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\n{account()}")
        time.sleep(pause)
    return found


def account() -> str:
    """What a reader of a failed test needs."""
    return systemctl("status", SERVICE, SOCKET, "--lines=0", check=False) + run(
        "journalctl", "--no-pager", "--lines=120", "--output=short-precise").stdout


class Service:
    """The unit, with a world in AWS's place."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world

    # Setting up

    def configure(self, overrides: dict[str, Any] | None = None, **daemon: Any) -> None:
        assert self.world
        content = settings.configuration(self.world, Path("/nonexistent"), overrides)
        content["daemon"] = {"logLevel": "debug", **daemon}
        settings.write(content, CONFIG)
        shutil.chown(CONFIG, "root", "pilotlight")
        CONFIG.chmod(0o640)

    def keys(self, access: str = ACCESS_KEY, secret: str = SECRET_KEY) -> None:
        KEYS.parent.mkdir(exist_ok=True)
        KEYS.write_text(f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
        KEYS.chmod(0o600)

    def drop_in(self, name: str, *lines: str, section: str = "Service") -> None:
        DROP_INS.mkdir(exist_ok=True)
        (DROP_INS / f"{name}.conf").write_text("\n".join([f"[{section}]", *lines, ""]))
        systemctl("daemon-reload")

    def surroundings(self) -> None:
        """The stand-in instead of AWS, and things that can be made to go wrong."""
        assert self.world
        self.drop_in(
            "surroundings", f"Environment=AWS_ENDPOINT_URL={self.world.control.url} AWS_EC2_METADATA_DISABLED=true",
            f"Environment=LD_PRELOAD={OBSTRUCT_IN}/obstruct.so OBSTRUCT_IN={OBSTRUCT_IN}",
            f"ReadWritePaths={OBSTRUCT_IN}")

    def obstruct(self, name: str) -> Path:
        (OBSTRUCT_IN / name).touch()
        return OBSTRUCT_IN / f"{name}.caught"

    def clear(self) -> None:
        for file in OBSTRUCT_IN.glob("*"):
            if file.suffix != ".so":
                file.unlink()

    # Telling and asking

    def start(self) -> Service:
        systemctl("start", SOCKET, SERVICE)
        return self

    def armed(self, seconds: float = 20) -> Service:
        self.until("it is armed", lambda workload: workload["armed"]["ok"], seconds)
        return self

    def ctl(self, *words: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        return run("/usr/bin/pilotlightctl", *words, user=user)

    def status(self) -> dict[str, Any]:
        done = self.ctl("status", "--json")
        assert done.returncode == 0, done.stderr + account()
        (workload,) = json.loads(done.stdout)["workloads"]
        return workload

    def until(self, what: str, holds: Callable[[dict[str, Any]], Any], seconds: float) -> None:
        wait_until(what, lambda: holds(self.status()), seconds, pause=0.2)

    def losing_its_primary(self) -> tuple[World, Any]:
        """Armed, and from now on without a primary; the world, and the DR secret as it was."""
        self.start().armed()
        assert self.world
        secret = self.world.secret(self.world.dr)
        self.world.break_primary()
        return self.world, secret

    def until_phase(self, phase: str, seconds: float = 60) -> None:
        self.until(f"phase {phase}", lambda workload: workload["phase"] == phase, seconds)

    @property
    def pid(self) -> int:
        return int(prop("MainPID"))

    @property
    def restarts(self) -> int:
        return int(prop("NRestarts"))


def restarted(service: Service, pid: int, seconds: float) -> float:
    """When systemd had a new process."""
    wait_until("it is restarted", lambda: service.pid not in (0, pid), seconds)
    return time.time()


def begun_at(pid: int) -> float:
    """When the kernel made this process, wall time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot)

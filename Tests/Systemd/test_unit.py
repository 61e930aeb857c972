"""The units as systemd judges them, the package as Debian does, and what a machine looks like before and after."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from service import (
    CONFIG, CONTROL, PACKAGE, SERVICE, SOCKET, Service, journal, prop, properties, run, said, systemctl, wait_until)

ROOT = Path(__file__).resolve().parents[2]
DRILL, TIMER = "pilotlight-drill.service", "pilotlight-drill.timer"
FAILED = "pilotlight-failed@.service"
UNITS = [SERVICE, SOCKET, DRILL, TIMER, FAILED]


def test_an_unconfigured_daemon_is_not_started_and_says_so(installed: str) -> None:
    assert "not started, because it is not configured" in installed
    assert str(CONFIG) in installed
    for unit in (SERVICE, SOCKET):
        assert prop("ActiveState", unit) == "inactive"
        assert prop("UnitFileState", unit) == "enabled"
    systemctl("start", SERVICE)
    assert properties("ActiveState", "ConditionResult") == {"ActiveState": "inactive", "ConditionResult": "no"}
    assert any("was skipped" in line for line in said())
    assert f"ConditionPathExists=|{CONFIG} was not met" in systemctl("status", SERVICE, check=False)
    refused = run("pilotlightctl", "status")
    assert refused.returncode == 1 and "is pilotlightd running?" in refused.stderr


def test_verify_finds_nothing(installed: str) -> None:
    done = run("systemd-analyze", "verify", *(f"/lib/systemd/system/{unit}" for unit in UNITS))
    # Other units of this machine, which come in by dependency, have their own troubles.
    assert [line for line in done.stderr.splitlines() if "pilotlight" in line] == []


@pytest.mark.parametrize("unit", [SERVICE, DRILL])
def test_exposure_is_one_or_lower(installed: str, unit: str) -> None:
    done = run("systemd-analyze", "security", "--offline=yes", "--threshold=10", "--no-pager", f"/lib/systemd/system/{unit}")
    assert done.returncode == 0, done.stdout


def test_the_catalog_and_the_manual_are_found(installed: str) -> None:
    catalog = run("journalctl", "--no-pager", "--dump-catalog", "ac8efe121c5949f1ba2dde83458bfed0").stdout
    assert "Subject: timeGap" in catalog and "CPU steal" in catalog
    for page, text in [("8 pilotlightd", "FILES"), ("1 pilotlightctl", "COMMANDS"), ("5 pilotlight.yaml", "confirmFor")]:
        assert text in run("man", *page.split(), check=True).stdout
        section, name = page.split()
        lint = run("mandoc", "-Tlint", "-Werror", f"/usr/share/man/man{section}/{name}.{section}.gz")
        assert lint.returncode == 0, lint.stdout


@pytest.mark.parametrize("shell, script", [
    ("bash", "source /usr/share/bash-completion/completions/pilotlightctl; complete -p pilotlightctl"),
    ("zsh", "autoload -U compinit; compinit -u -d /tmp/zcompdump; echo $_comps[pilotlightctl]"),
    ("fish", "complete -C 'pilotlightctl swi'"),
])
def test_shells_complete(installed: str, shell: str, script: str) -> None:
    done = run(shell, "-c", script, check=True)
    assert {"bash": "_pilotlightctl", "zsh": "_pilotlightctl", "fish": "switchover"}[shell] in done.stdout


def test_lintian_finds_no_error(installed: str) -> None:
    # Only a debug build is linked to the toolchain's Swift by its place.
    spare = [] if os.environ.get("RELEASED") else ["--suppress-tags=custom-library-search-path,unstripped-binary-or-object"]
    done = run("lintian", "--allow-root", "--fail-on=error", *spare, str(PACKAGE), seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_installed_without_dpkg_it_is_the_same(installed: str, tmp_path: Path) -> None:
    run(str(ROOT / "packaging" / "install.sh"), os.environ["PROGRAMS"], str(tmp_path), "/usr", check=True, seconds=120)
    files = {f"/{found.relative_to(tmp_path)}" for found in tmp_path.rglob("*") if found.is_file()}
    packaged = {line for line in run("dpkg", "--listfiles", "pilotlight", check=True).stdout.splitlines() if Path(line).is_file()}
    debians = {"/usr/share/doc/pilotlight/changelog.gz", "/usr/share/doc/pilotlight/copyright", "/usr/share/lintian/overrides/pilotlight"}
    assert files == packaged - debians
    for file in files - {f"/usr/bin/{name}" for name in ("pilotlightd", "pilotlightctl")}:
        assert (tmp_path / file[1:]).read_bytes() == Path(file).read_bytes(), file


def test_an_upgrade_restarts_what_runs_and_keeps_what_the_owner_wrote(service: Service) -> None:
    service.start().armed()
    before, example = service.pid, Path(f"{CONFIG}.example")
    text = example.read_text()
    example.write_text(text + "# ours\n")
    systemctl("disable", TIMER)
    try:
        run("dpkg", "--install", "--force-depends", "--force-unsafe-io", "--force-confdef", str(PACKAGE), check=True, seconds=300)
        assert example.read_text() == text + "# ours\n"
        assert prop("UnitFileState", TIMER) == "disabled"
        assert service.pid not in (0, before)
        assert service.status()["phase"] == "healthy"
    finally:
        example.write_text(text)
        systemctl("enable", TIMER)


def install() -> str:
    return run("dpkg", "--install", "--force-depends", "--force-unsafe-io", "--force-confold", str(PACKAGE), check=True, seconds=300).stdout


def test_an_upgrade_leaves_a_daemon_alone_whose_configuration_it_would_refuse(service: Service) -> None:
    service.start().armed()
    before, text = service.pid, CONFIG.read_text()
    CONFIG.write_text(text + "surprise: 1\n")
    try:
        assert "is left as it is" in install()
        assert service.pid == before and service.status()["phase"] == "healthy"
        CONFIG.unlink()
        assert "is left as it is" in install()
        assert service.pid == before and service.status()["phase"] == "healthy"
    finally:
        service.configure()
        CONFIG.write_text(text)


def make_install(programs: str, destination: str = "") -> Any:
    return run(str(ROOT / "packaging" / "install.sh"), programs, destination, "/usr", seconds=120)


def test_make_install_leaves_what_the_owner_wrote_and_says_how_to_go_on(service: Service) -> None:
    service.start().armed()
    before, example, fresh = service.pid, Path(f"{CONFIG}.example"), Path(f"{CONFIG}.example.new")
    text = example.read_text()
    example.write_text(text + "# ours\n")
    try:
        done = make_install(os.environ["PROGRAMS"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert example.read_text() == text + "# ours\n" and fresh.read_text() == text
        assert str(fresh) in done.stdout
        # As dpkg leaves it to the operator only when the new one would refuse the configuration, this leaves it always, and says so.
        assert "systemctl restart pilotlightd" in done.stdout and service.pid == before
        example.write_text(text)
        fresh.unlink()
        assert str(fresh) not in make_install(os.environ["PROGRAMS"]).stdout and not fresh.exists()
    finally:
        example.write_text(text)
        fresh.unlink(missing_ok=True)
        install()


def test_make_install_fails_when_a_part_of_it_cannot_be_made(installed: str, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pilotlightd", "pilotlightctl"):
        # Prints no completions, and says so by its exit code.
        shutil.copy("/bin/false", programs / name)
    assert make_install(str(programs), str(tmp_path / "tree")).returncode != 0


def test_removed_and_installed_again_it_watches_again(service: Service) -> None:
    service.start().armed()
    run("dpkg", "--remove", "pilotlight", check=True)
    install()
    wait_until("it runs", lambda: prop("ActiveState") == "active", 20)
    assert service.status()["phase"] == "healthy"


def test_the_drill_says_what_it_found_and_fails_when_something_is_missing(service: Service) -> None:
    service.start().armed()
    drop_in = Path("/etc/systemd/system/pilotlight-drill.service.d")
    drop_in.mkdir()
    (drop_in / "surroundings.conf").write_text((Path("/etc/systemd/system/pilotlightd.service.d") / "surroundings.conf").read_text())
    systemctl("daemon-reload")
    history = service.ctl("history").stdout
    assert run("systemctl", "start", DRILL).returncode == 0
    lines = said(unit=DRILL)
    assert sum(line.startswith("ready ") for line in lines) >= 5 and not any(line.startswith("NOT READY") for line in lines), lines
    assert {line["SYSLOG_IDENTIFIER"] for line in journal("_TRANSPORT=stdout", unit=DRILL)} == {"pilotlight-drill"}
    world = service.world
    assert world
    world.delete_database(world.dr.region, "django-app-replica")
    assert run("systemctl", "start", DRILL).returncode != 0
    assert any(line.startswith("NOT READY") and "django-app" in line for line in said(unit=DRILL))
    assert prop("ActiveState", DRILL) == "failed"
    # It left no trace in the ledger, and took no part of the hold-down.
    assert [line for line in service.ctl("history").stdout.splitlines() if "failover" in line] == \
        [line for line in history.splitlines() if "failover" in line]
    assert world.changes() == [] or {call["action"] for call in world.changes()} == {"ModifyDBInstance", "DeleteDBInstance"}
    next_elapse = systemctl("list-timers", "--all", TIMER)
    assert TIMER in next_elapse


def test_purged_nothing_is_left(service: Service) -> None:
    """Last in this file: the machine has no package afterwards."""
    service.start().armed()
    run("dpkg", "--remove", "pilotlight", check=True)
    assert run("systemctl", "is-active", SERVICE).stdout.strip() in ("inactive", "failed", "unknown")
    assert Path(f"{CONFIG}.example").exists() and Path("/var/lib/pilotlight/ledger.db").exists()
    run("dpkg", "--purge", "pilotlight", check=True)
    left = [
        str(found) for place in ("etc", "lib/systemd", "usr/bin", "usr/lib/systemd", "usr/lib/sysusers.d", "usr/share", "var/lib", "run")
        for found in Path("/", place).rglob("*pilotlight*") if "/journal/" not in str(found)]
    # What the operator wrote stays; what the test put beside the units too.
    mine = {"/etc/pilotlight", str(CONFIG), "/etc/credstore/pilotlight.aws"}
    assert [
        one for one in left if one not in mine and not one.startswith("/etc/systemd/system/pilotlight") and "/var/lib/systemd" not in one
    ] == []
    assert not CONTROL.exists()
    run("dpkg", "--install", "--force-depends", "--force-unsafe-io", str(PACKAGE), check=True, seconds=300)

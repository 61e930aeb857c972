"""Manual pages and the reference of commands are what the programs say about themselves."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daemon import BINARIES, ROOT

PAGES = ("pilotlightd.8", "pilotlightctl.1", "pilotlight.yaml.5")


def test_the_manual_is_what_the_programs_print(tmp_path: Path) -> None:
    subprocess.run([ROOT / "packaging" / "manual.py", BINARIES, tmp_path], check=True)
    for page in PAGES:
        assert (tmp_path / page).read_text() == (ROOT / "packaging" / "man" / page).read_text(), "run `make docs`"


def test_the_reference_of_commands_is_what_pilotlightctl_prints() -> None:
    printed = subprocess.check_output([BINARIES / "pilotlightctl", "docs", "cli"], text=True)
    assert printed == (ROOT / "config" / "CLI.md").read_text(), "run `make docs`"


@pytest.mark.parametrize("page, words", [
    ("pilotlightd.8", [r"\-\-live", "SIGTERM", "credstore"]),
    ("pilotlightctl.1", [r"\-\-accept\-data\-loss", "switchover", "logs"]),
    ("pilotlight.yaml.5", ["confirmFor", "maxConcurrentFailovers", "prepareWhenDegraded"]),
])
def test_the_manual_has_what_matters(page: str, words: list[str]) -> None:
    text = (ROOT / "packaging" / "man" / page).read_text()
    for word in words:
        assert word in text

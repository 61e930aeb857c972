"""`pilotlightd --check --live` as an operator runs it."""

from __future__ import annotations

import subprocess

from daemon import BINARIES, PATIENCE, SECRETS, Daemon

READY, NOT_READY, WRONG = 0, 1, 2


class Check:
    """One run of `pilotlightd --check --live`."""

    def __init__(self, daemon: Daemon, expect: int) -> None:
        done = subprocess.run(
            [BINARIES / "pilotlightd", "--check", "--live", "--config", daemon.config], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60 * PATIENCE, env=daemon.environment(), cwd=daemon.directory)
        self.text = done.stdout + done.stderr
        assert done.returncode == expect, f"exit {done.returncode}, expected {expect}: {self.text}"
        assert not any(secret in self.text for secret in SECRETS), "a secret was printed"
        #: By item: the word and the sentence.
        self.items: dict[str, tuple[str, str]] = {}
        for line in done.stdout.splitlines()[1:]:
            word, rest = line.split("  django-app  ", 1)
            item, sentence = rest.split(": ", 1)
            self.items[item] = (word.strip(), sentence)

    def words(self, word: str) -> list[str]:
        return [item for item, (found, _) in self.items.items() if found == word]

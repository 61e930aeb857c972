"""What is preloaded into a daemon under test: C beside the tests, compiled once per run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def compiled(name: str, directory: Path) -> Path:
    """The library that `name`.c makes."""
    compiler = shutil.which("cc") or shutil.which("clang")
    assert compiler, f"neither cc nor clang is there to compile {name}.c"
    built, source = directory / f"{name}.so", Path(__file__).with_name(f"{name}.c")
    words = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", built, source, "-ldl"]
    subprocess.run([compiler, *words], check=True)
    return built

"""`python3 -m aws [--port N] [--settings JSON]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m aws", description="AWS for tests: moto, mended, with faults.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON object; see aws.state.Settings")
    parser.add_argument("--while-stdin", action="store_true", help="end when standard input is closed")
    arguments = parser.parse_args()
    if arguments.while_stdin:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    # moto must never reach for a real account, and reads these when it is imported.
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
    from .server import serve

    try:
        serve(arguments.port, arguments.settings)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()

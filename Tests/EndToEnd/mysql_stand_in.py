#!/usr/bin/env python3
"""A `mysql` that asks no server: `answers.json` beside it has the answers of each port, and `asked` gets what it was asked.

An answer is for statements that contain its key. That of a function is what the function returns, and what is made of it is SQL's.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path


def main() -> int:
    here, words, statements = Path(sys.argv[0]).parent, sys.argv[1:], sys.stdin.read()
    (port,) = [word.removeprefix("--port=") for word in words if word.startswith("--port=")]
    with (here / "asked").open("a") as asked:
        print(json.dumps([port, words, statements]), file=asked)
    answers = json.loads((here / "answers.json").read_text())[port]
    key = next((key for key in answers if key in statements), None)
    if key is None:
        print("ERROR 1064 (42000) at line 2: You have an error in your SQL syntax", file=sys.stderr)
        return 1
    answer = answers[key]
    if f"{key}(" in statements:
        with sqlite3.connect(":memory:") as database:
            database.create_function(key, -1, lambda *_: answer)
            ((answer,),) = database.execute(statements.splitlines()[1])
    print("NULL" if answer is None else answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())

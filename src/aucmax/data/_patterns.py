"""Regular expressions of users, with a limit of time: some would take for ever."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence

SECONDS = 30.0
"""For all paths together; a pattern that is not pathological takes less than a second."""

_SEARCH = """
import json, re, sys
pattern, texts = json.load(sys.stdin)
search = re.compile(pattern).search
found = [search(text) for text in texts]
json.dump([m and [m[0], m[min(1, m.re.groups)]] for m in found], sys.stdout)
"""


def pattern_problem(pattern: str) -> str:
    """Say why a text is no regular expression; "" if it is one."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return ""


def search_all(pattern: str, texts: Sequence[str]) -> list[tuple[str, str | None] | None]:
    """Search each text for a pattern, in a process that is ended when it takes too long.

    Python's engine cannot be interrupted from a thread, and holds all others up meanwhile.

    Args:
        pattern: a regular expression.
        texts: where to look.

    Returns:
        For each text None, or what the whole pattern and its first bracket (without one the whole
        pattern again) found.

    Raises:
        ValueError: if the search takes longer than ``SECONDS``.

    >>> search_all("p([0-9])", ["p1", "q"])
    [('p1', '1'), None]
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _SEARCH],
            input=json.dumps([pattern, list(texts)]),
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"the pattern {pattern[:200]!r} takes too long (over {SECONDS:g} s for {len(texts)} "
            "paths): nested repeats such as (a+)+ do; write it without them"
        ) from error
    return [None if match is None else (match[0], match[1]) for match in json.loads(done.stdout)]

"""Waits until a hub that was just started serves, and prints its address.

Usage: await_hub.py GREETING PID: the file that its standard output goes to, and its process. It
fails as soon as the process is gone.
"""

import os
import pathlib
import sys
import time
import urllib.error
import urllib.request

DEADLINE_SECONDS = 60


def main() -> None:
    greeting, pid = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    until = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            sys.exit("the hub has ended before it was ready")
        words = greeting.read_text().split()
        address = next((word for word in words if word.startswith("http://")), None)
        if address and is_ready(address):
            print(address)
            return
        time.sleep(0.05)
    sys.exit("the hub was not ready in time")


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError):
        return False


main()

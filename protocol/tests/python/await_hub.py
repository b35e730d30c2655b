"""Waits until a hub answers that it is ready, or says why it never will.

`await_hub.py URL PID`: gives up after 30 seconds, and at once when the process has ended.
"""

import os
import sys
import time
import urllib.request

url, process = sys.argv[1], int(sys.argv[2])
deadline = time.monotonic() + 30
while True:
    try:
        with urllib.request.urlopen(url, timeout=2):
            break
    except OSError as error:
        reason = error
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        sys.exit("the hub has ended before it was ready")
    if time.monotonic() > deadline:
        sys.exit(f"the hub is not ready after 30 s: {reason}")
    time.sleep(0.05)

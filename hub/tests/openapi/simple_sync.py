"""Makes a user of simple-sync who may do all but what is .root's, and prints a key of theirs.

Usage: simple_sync.py URL KEY USER: the hub, .root's key, and the user's id.
"""

import json
import sys
import time
import urllib.request


def main() -> None:
    url, root, user = sys.argv[1:]

    def post(path, body, headers):
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{url}/api/v1{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    key = {"X-API-Key": root}
    seconds = int(time.time())
    ms = seconds * 1000
    create = {
        "uuid": f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7000-8000-000000000001",
        "timestamp": seconds,
        "user": ".root",
        "item": f".user.{user}",
        "action": ".user.create",
    }
    post("/events", [create], key)
    post("/acl", [{"user": user, "item": "*", "action": "*", "type": "allow"}], key)
    token = post("/user/generateToken", {"user": user}, key)["token"]
    print(post("/user/exchangeToken", {"token": token}, {})["apiKey"])


main()

"""A small Syncline client, written from PROTOCOL.md alone: a session that keeps a copy of a space.

It resumes from its cursor and checks digests; it must share nothing with the hub.
`syncline_client.py check URL TOKEN SPACE` runs the scenario of scenario.py against a running hub;
`list` prints what a space holds; `put` writes one field.
"""

import argparse
import contextlib
import json
import secrets
import socket
import sys
import time

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from syncline_copy import Clock, Copy, digests_of
from syncline_wire import Malformed, decode_hub, encode_client, raw

TIMEOUT_S = 10
FRAME_BYTES_MAX = 64 << 20


class Rejected(Exception):
    """A refusal: the code decides, the frame tells the rest."""

    def __init__(self, frame):
        super().__init__(f"{frame['code']}: {frame['text']}")
        self.frame, self.code = frame, frame["code"]


class Gone(Exception):
    """The connection ended without a goodbye."""


class Session:
    """One connection: says hello, keeps one copy up to date, pushes and waits for answers."""

    def __init__(self, url, token, name="python"):
        self.clock, self.replica, self.counter = Clock(), secrets.token_hex(8), 0
        self.copy, self.catch_up, self.is_expecting = None, None, False
        self.answers, self.digests, self.pongs, self.received = {}, [], [], []
        self.snapshots, self.verified = 0, 0
        self.exits = contextlib.ExitStack()
        self.socket = self.exits.enter_context(
            connect(url, subprotocols=["syncline.v1"], compression=None,
                    max_size=FRAME_BYTES_MAX, open_timeout=TIMEOUT_S))
        sent_ms = time.time() * 1000
        self.send({"type": "hello", "version": 1, "replica": self.replica,
                   "device": secrets.token_hex(8), "name": name, "token": token,
                   "clock_ms": int(sent_ms), "outbox": [], "attributes": {"client": "python"}})
        self.welcome = self.receive()
        if self.welcome["type"] != "welcome":
            raise Malformed(f"expected a welcome, not {self.welcome}")
        now_ms = time.time() * 1000
        self.clock.offset_ms = round(self.welcome["hub_ms"] + (now_ms - sent_ms) / 2 - now_ms)
        self.clock.drift_ms = self.welcome["limits"].get("max_clock_drift_ms", 60_000)

    def send(self, frame):
        self.socket.send(encode_client(frame))

    def receive(self):
        """The next frame; a goodbye is raised."""
        try:
            frame = decode_hub(self.socket.recv(timeout=TIMEOUT_S))
        except ConnectionClosed as end:
            raise Gone(str(end)) from end
        if frame["type"] == "goodbye":
            raise Rejected(frame)
        return frame

    def close(self):
        self.exits.close()

    def cut(self):
        """Ends the connection as a failing network does: without a word."""
        self.socket.socket.shutdown(socket.SHUT_RDWR)

    # Reading a space ----------------------------------------------------------------------------

    def follow(self, copy):
        """Subscribes from where the copy is, and waits until it is caught up and proved equal."""
        self.copy = copy
        self.subscribe()
        self.until(lambda: self.catch_up is None and self.digests)

    def subscribe(self, start=None):
        cursor = self.copy.cursor
        resume = {"from": "resume", "cursor": cursor} if cursor else {"from": "snapshot"}
        self.catch_up, self.digests, self.is_expecting = [], [], True
        self.send({"type": "subscribe", "space": self.copy.space,
                   "filter": {"collections": [], "prefix": ""}, "start": start or resume})

    def until(self, is_done):
        while not is_done():
            self.take(self.receive())

    def take(self, frame):
        handler = getattr(self, "on_" + frame["type"], None)
        is_stale = self.is_expecting and frame["type"] not in ("subscribed", "ack", "reject", "pong")
        if handler and not is_stale:
            handler(frame)

    def on_subscribed(self, frame):
        self.is_expecting, self.head, self.staged = False, frame["head"], None
        self.place = dict(self.copy.cursor or frame["head"])
        self.id = frame["id"]

    def on_snapshot_begin(self, frame):
        self.snapshots, self.staged, self.parts, self.id = self.snapshots + 1, [], 0, frame["id"]

    def on_snapshot_part(self, frame):
        if self.staged is None or frame["part"] != self.parts:
            return self.subscribe()
        self.parts += 1
        self.staged += frame["deltas"]

    def on_snapshot_end(self, frame):
        if self.staged is None or frame["parts"] != self.parts:
            return self.subscribe()
        self.place = frame["cursor"]

    def on_changes(self, frame):
        if self.cover(frame["before"], frame["last"]):
            self.catch_up = (self.catch_up or []) + frame["deltas"]
            if not frame["more"]:
                self.apply()

    def cover(self, before, last):
        """The rule of (before, last]."""
        if before > self.place["sequence"]:
            self.subscribe()
            return False
        self.place["sequence"] = max(self.place["sequence"], last)
        return True

    def apply(self):
        """The end of a catch-up, or a live frame: all at once."""
        if self.staged is not None:
            self.copy.records = {}
            self.copy.merge(self.staged)
        self.copy.merge(self.catch_up)
        for delta in (self.staged or []) + self.catch_up:
            self.clock.observe(int(delta["stamp"][:16], 16), self.clock.now_ms())
        self.received += self.catch_up
        self.copy.id, self.copy.cursor = self.id, dict(self.place)
        self.staged = self.catch_up = None

    def on_heartbeat(self, frame):
        for stretch in frame["stretches"]:
            if self.catch_up is None and self.copy and stretch["space"] == self.copy.space:
                if self.cover(stretch["before"], stretch["last"]):
                    self.copy.cursor = dict(self.place)

    def on_withdraw(self, frame):
        for key in frame["keys"]:
            self.copy.records.pop((frame["collection"], key), None)

    def on_view(self, frame):
        self.place["view"] = frame["mark"]
        if self.copy.cursor:
            self.copy.cursor["view"] = frame["mark"]

    def on_digests(self, frame):
        if self.catch_up is None and frame["sequence"] == self.copy.cursor["sequence"]:
            own = digests_of(self.copy.records)
            if own != frame["digests"]:
                raise Malformed(f"copies differ: {own} here, {frame['digests']} there")
            self.verified += 1
        self.digests.append(frame)

    def on_reject(self, frame):
        if "space" in frame["subject"]:
            raise Rejected(frame)
        self.answers[frame["subject"]["push"]["counter"]] = frame

    def on_ack(self, frame):
        self.answers[frame["push"]["counter"]] = frame

    def on_pong(self, frame):
        self.pongs.append(frame)

    def verify(self):
        before = len(self.digests)
        self.send({"type": "verify", "space": self.copy.space})
        self.until(lambda: len(self.digests) > before)

    # Writing ------------------------------------------------------------------------------------

    def put(self, collection, key, **fields):
        fields = {name: None if at is None else raw(at) for name, at in sorted(fields.items())}
        return {"collection": collection, "key": key, "op": "put", "fields": fields}

    def delete(self, collection, key):
        return {"collection": collection, "key": key, "op": "delete"}

    def make_push(self, changes, guards=(), ahead_ms=0):
        """A push of these changes, each under a stamp of its own."""
        self.counter += 1
        deltas = [{**change, "stamp": self.stamp(ahead_ms)} for change in changes]
        cursor = self.copy.cursor if self.copy else None
        return {"type": "push", "id": {"replica": self.replica, "counter": self.counter},
                "space": self.copy.space, "epoch": cursor["epoch"] if cursor else None,
                "base": cursor["sequence"] if cursor else 0, "guards": list(guards),
                "deltas": deltas}

    def stamp(self, ahead_ms):
        if ahead_ms:
            return f"{(self.clock.now_ms() + ahead_ms) << 16:016x}{self.replica}"
        return f"{self.clock.tick(self.clock.now_ms()):016x}{self.replica}"

    def answer(self, push):
        """Sends a push, or sends it again, and waits for its answer."""
        self.answers.pop(push["id"]["counter"], None)
        self.send(push)
        self.until(lambda: push["id"]["counter"] in self.answers)
        return self.answers[push["id"]["counter"]]

    def push(self, changes, guards=()):
        """Pushes and gives the sequence; a refusal is raised."""
        answer = self.answer(self.make_push(changes, guards))
        if answer["type"] == "reject":
            raise Rejected(answer)
        return answer["sequence"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["check", "list", "put"])
    parser.add_argument("url", help="for example ws://127.0.0.1:7962/ws")
    parser.add_argument("token")
    parser.add_argument("space")
    parser.add_argument("write", nargs="*", help="for put: COLLECTION KEY FIELD TEXT")
    options = parser.parse_args()
    if options.command == "check":
        import scenario  # It imports this module, so not before it is whole.

        return scenario.run(options.url, options.token, options.space)
    session, copy = Session(options.url, options.token), Copy(options.space)
    session.follow(copy)
    if options.command == "put":
        collection, key, field, text = options.write
        print("applied as", session.push([session.put(collection, key, **{field: text})]))
    for (collection, key), fields in sorted(copy.shown().items()):
        shown = {name: msgpack.unpackb(value) for name, value in fields.items()}
        print(collection, key, json.dumps(shown, default=str, ensure_ascii=False))
    session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

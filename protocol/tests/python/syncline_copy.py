"""A copy of a space: the merge law, digests and the clock, written from PROTOCOL.md alone.

Nothing here knows of connections. Stamps are hexadecimal text, which sorts as stamps do.
"""

import hashlib
import time


class Record:
    """The greatest delete stamp, and per field the greatest (stamp, value)."""

    def __init__(self):
        self.tombstone, self.fields = None, {}

    def merge(self, delta):
        stamp = delta["stamp"]
        if delta["op"] == "delete":
            self.tombstone = max(stamp, self.tombstone or stamp)
            self.fields = {n: at for n, at in self.fields.items() if at[0] > self.tombstone}
            return
        if self.tombstone is not None and stamp <= self.tombstone:
            return
        for name, value in delta["fields"].items():
            old = self.fields.get(name)
            if old is None or order(stamp, value) > order(*old):
                self.fields[name] = (stamp, value)

    def visible(self):
        return {name: at for name, at in self.fields.items() if at[1] is not None}


def order(stamp, value):
    """Stamps in hexadecimal sort as they are; dropped comes before every value."""
    return (stamp, value is not None, value or b"")


def field_input(collection, key, field, stamp, value):
    """What is hashed of one field."""
    names = (name.encode() for name in (collection, key, field))
    prefixed = b"".join(len(name).to_bytes(2, "big") + name for name in names)
    return prefixed + bytes.fromhex(stamp) + value


def field_hash(*field):
    return int.from_bytes(hashlib.sha256(field_input(*field)).digest()[:16], "big")


def digests_of(copy):
    """The digest of each collection in which a field shows."""
    digests = {}
    for (collection, key), record in copy.items():
        for field, (stamp, value) in record.visible().items():
            total, count = digests.get(collection, (0, 0))
            hashed = field_hash(collection, key, field, stamp, value)
            digests[collection] = ((total + hashed) % (1 << 128), count + 1)
    return {name: {"sum": f"{total:032x}", "fields": count}
            for name, (total, count) in sorted(digests.items())}


class Clock:
    """A hybrid logical clock on hub time; `last` is milliseconds << 16 | counter."""

    def __init__(self, drift_ms=60_000, last=0):
        self.last, self.drift_ms, self.offset_ms = last, drift_ms, 0

    def now_ms(self):
        return int(time.time() * 1000) + self.offset_ms

    def tick(self, now_ms):
        self.last = max(self.last + 1, now_ms << 16)
        return self.last

    def observe(self, hlc, now_ms):
        if (hlc >> 16) > now_ms + self.drift_ms:
            return False
        self.last = max(self.last, hlc)
        return True


class Copy:
    """What a hub sent of one space, and how far; outlives sessions."""

    def __init__(self, space):
        self.space, self.id, self.cursor, self.records = space, None, None, {}

    def merge(self, deltas):
        for delta in deltas:
            self.records.setdefault((delta["collection"], delta["key"]), Record()).merge(delta)

    def shown(self):
        """What a reader sees: for each record its fields and their values."""
        shown = {at: record.visible() for at, record in self.records.items()}
        return {at: {name: value for name, (_, value) in fields.items()}
                for at, fields in shown.items() if fields}

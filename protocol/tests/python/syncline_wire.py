"""Frames to bytes and back, written from PROTOCOL.md alone.

Frames are plain dictionaries in the JSON form of vectors/README.md; only values are bytes, kept as
they came. This file must share nothing with the hub, for it proves that the page is enough.
"""

import msgpack

KINDS = {"hello": 1, "subscribe": 2, "unsubscribe": 3, "push": 4, "seen": 5, "verify": 6,
         "signal": 7, "presence": 8, "ping": 9}
GUARDS = {"absent": 0, "unchanged_since": 1, "field_equals": 2, "field_absent": 3}
PACKER = msgpack.Packer(use_bin_type=True)


class Malformed(Exception):
    """Bytes that are no frame of a hub."""


class Raw(bytes):
    """One encoded MessagePack value."""


def raw(value):
    """The value that stands for a number, a text, a list and so on."""
    return Raw(PACKER.pack(value))


# Writing ----------------------------------------------------------------------------------------


def pack(item):
    if isinstance(item, Raw):
        return bytes(item)
    if isinstance(item, (list, tuple)):
        return PACKER.pack_array_header(len(item)) + b"".join(map(pack, item))
    if isinstance(item, dict):
        pairs = b"".join(pack(key) + pack(value) for key, value in item.items())
        return PACKER.pack_map_header(len(item)) + pairs
    return PACKER.pack(item)


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def pack_push_id(push):
    return [unhex(push["replica"]), push["counter"]]


def pack_delta(delta):
    items = [delta["collection"], delta["key"], unhex(delta["stamp"])]
    if delta["op"] == "put":
        items.append({name: at for name, at in delta["fields"].items() if at is not None})
        dropped = [name for name, at in delta["fields"].items() if at is None]
        items += [dropped] if dropped else []
    return items


def pack_guard(guard):
    items = [guard["collection"], guard["key"], GUARDS[guard["condition"]]]
    return items + [guard[name] for name in ("sequence", "field", "value") if name in guard]


def pack_start(start):
    if start["from"] == "snapshot":
        return None
    if start["from"] == "follow":
        return [unhex(start["epoch"]), start["after"]]
    cursor = start["cursor"]
    return [unhex(cursor["epoch"]), cursor["sequence"], unhex(cursor["view"])]


def encode_client(frame):
    """The bytes of a client's frame."""
    kind, special = frame["type"], {
        "replica": unhex, "device": unhex, "outbox": lambda ids: [pack_push_id(id) for id in ids],
        "filter": lambda it: [it["collections"], it["prefix"]], "start": pack_start,
        "id": pack_push_id, "epoch": unhex, "guards": lambda all: [pack_guard(it) for it in all],
        "deltas": lambda all: [pack_delta(it) for it in all],
        "state": lambda state: [] if state is None else [state],
    }
    items = [special.get(name, lambda it: it)(frame[name]) for name in frame if name != "type"]
    return pack([KINDS[kind], *items])


# Reading ----------------------------------------------------------------------------------------


class Reader:
    """Reads items one by one, since values must stay the bytes that they are."""

    def __init__(self, data):
        self.data = data
        self.unpacker = msgpack.Unpacker(raw=False, max_buffer_size=max(len(data), 1))
        self.unpacker.feed(data)

    def value(self):
        start = self.unpacker.tell()
        self.unpacker.skip()
        return Raw(self.data[start:self.unpacker.tell()])

    def plain(self, *types):
        item = self.unpacker.unpack()
        if type(item) not in types:
            raise Malformed(f"{item!r} is not of {types}")
        return item

    def uint(self):
        number = self.plain(int)
        if number < 0:
            raise Malformed(f"{number} is negative")
        return number

    def text(self):
        return self.plain(str)

    def bool(self):
        return self.plain(bool)

    def maybe_uint(self):
        return self.plain(int, type(None))

    def hex(self, length=8):
        data = self.plain(bytes)
        if len(data) != length:
            raise Malformed(f"{len(data)} bytes, expected {length}")
        return data.hex()

    def tuple(self, *readers):
        if self.unpacker.read_array_header() != len(readers):
            raise Malformed(f"an array has {len(readers)} items")
        return [read() for read in readers]

    def list(self, read):
        return [read() for _ in range(self.unpacker.read_array_header())]

    def map(self, read):
        return {self.text(): read() for _ in range(self.unpacker.read_map_header())}

    def choice(self, *names):
        number = self.uint()
        if number >= len(names):
            raise Malformed(f"{number} is none of {names}")
        return names[number]

    def cursor(self):
        return dict(zip(("epoch", "sequence", "view"), self.tuple(self.hex, self.uint, self.hex)))

    def push_id(self):
        return dict(zip(("replica", "counter"), self.tuple(self.hex, self.uint)))

    def subject(self):
        is_push = self.data[self.unpacker.tell()] == 0x92
        return {"push": self.push_id()} if is_push else {"space": self.text()}

    def stretch(self):
        return dict(zip(("space", "before", "last"), self.tuple(self.text, self.uint, self.uint)))

    def digest(self):
        sum_and_fields = self.tuple(lambda: self.hex(16), self.uint)
        return dict(zip(("sum", "fields"), sum_and_fields))

    def peer(self):
        return dict(zip(("device", "name", "principal"),
                        self.tuple(self.hex, self.text, self.text)))

    def state(self):
        states = self.list(self.value)
        if len(states) > 1:
            raise Malformed("a presence has one state or none")
        return states[0] if states else None

    def applied(self):
        count = self.unpacker.read_array_header()
        if not 4 <= count <= 6:
            raise Malformed("an applied delta has four to six items")
        delta = {"sequence": self.uint(), "collection": self.text(), "key": self.text(),
                 "stamp": self.hex(16), "op": "delete" if count == 4 else "put"}
        if count > 4:
            fields = self.map(self.value)
            fields.update(dict.fromkeys(self.list(self.text) if count == 6 else []))
            delta["fields"] = dict(sorted(fields.items(), key=lambda pair: pair[0].encode()))
        return delta


def schema(read):
    """For each kind its type, and for each item its name and how to read it."""
    space, deltas = ("space", read.text), ("deltas", lambda: read.list(read.applied))
    hub_ms, code, text = ("hub_ms", read.uint), ("code", read.text), ("text", read.text)
    peer, cursor = ("peer", read.peer), ("cursor", read.cursor)
    return {
        32: ("welcome", ("session", read.hex), hub_ms, ("hub_replica", read.hex),
             ("principal", read.text), ("limits", lambda: read.map(read.uint))),
        33: ("subscribed", space, ("id", read.hex), ("head", read.cursor), ("writable", read.bool)),
        34: ("snapshot_begin", space, ("id", read.hex),
             ("mode", lambda: read.choice("replace", "join")),
             ("records", read.uint), ("bytes", read.uint)),
        35: ("snapshot_part", space, ("part", read.uint), deltas),
        36: ("snapshot_end", space, ("parts", read.uint), cursor),
        37: ("changes", space, ("before", read.uint), ("last", read.uint), ("more", read.bool),
             deltas),
        38: ("withdraw", space, ("collection", read.text), ("keys", lambda: read.list(read.text))),
        39: ("view", space, ("mark", read.hex)),
        40: ("ack", ("push", read.push_id), ("sequence", read.uint)),
        41: ("reject", ("subject", read.subject), code, text, ("index", read.maybe_uint), hub_ms),
        42: ("heartbeat", hub_ms, ("stretches", lambda: read.list(read.stretch))),
        43: ("digests", space, ("sequence", read.uint), ("digests", lambda: read.map(read.digest))),
        44: ("signal", space, peer, ("value", read.value)),
        45: ("presence", space, peer, ("event", lambda: read.choice("joined", "left", "state")),
             ("state", read.state)),
        46: ("pong", ("nonce", read.uint), hub_ms),
        47: ("goodbye", code, text, ("retry_after_ms", read.maybe_uint)),
    }


def decode_hub(data):
    """A hub's frame from its bytes."""
    read = Reader(data)
    try:
        count, kind = read.unpacker.read_array_header(), read.uint()
        name, *items = schema(read).get(kind, (None,))
        if name is None or count != len(items) + 1:
            raise Malformed(f"no frame has kind {kind} and {count} items")
        frame = {"type": name, **{item: reader() for item, reader in items}}
        event = (frame.get("event"), frame.get("state") is not None)
        if read.unpacker.tell() != len(data) or event in (("left", True), ("state", False)):
            raise Malformed("what follows does not belong to the frame")
    except (msgpack.exceptions.UnpackException, ValueError, TypeError, IndexError) as error:
        raise Malformed(str(error)) from error
    return frame

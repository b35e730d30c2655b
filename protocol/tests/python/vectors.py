"""Holds the Python client against the golden vectors; needs no hub.

Prints one line for each difference and a count at the end; the exit code tells whether all agreed.
"""

import itertools
import json
import pathlib
import sys

from syncline_copy import Clock, Record, digests_of, field_hash, field_input
from syncline_wire import Malformed, Raw, Reader, decode_hub, encode_client

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "vectors"
SAFE_MAX = (1 << 53) - 1
passed = failed = 0


def check(name, found, wanted):
    global passed, failed
    if found == wanted:
        passed += 1
    else:
        failed += 1
        print(f"FAILED  {name}\n  found  {found}\n  wanted {wanted}")


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def to_json(item):
    """A frame in the JSON form: values in hexadecimal, numbers that JavaScript lacks as text."""
    if isinstance(item, Raw):
        return item.hex()
    if isinstance(item, dict):
        return {name: to_json(at) for name, at in item.items()}
    if isinstance(item, list):
        return [to_json(at) for at in item]
    is_great = isinstance(item, int) and item > SAFE_MAX
    return str(item) if is_great else item


def from_json(item, name=""):
    """A client's frame from its JSON form."""
    if isinstance(item, dict):
        inner = "value" if name == "fields" else ""
        return {key: from_json(at, inner or key) for key, at in item.items()}
    if isinstance(item, list):
        return [from_json(at) for at in item]
    if name in ("value", "state") and item is not None:
        return Raw.fromhex(item)
    return int(item) if name in ("nonce", "sequence", "counter") and item is not None else item


def known(value):
    """A word of a newer hub reads as the closest thing."""
    return {**value, "code": "internal"} if value.get("code") == "news" else value


def check_frames():
    vectors = load("frames")
    for entry in vectors["frames"]:
        data = bytes.fromhex(entry["hex"])
        if entry["from"] == "hub":
            check(entry["name"], to_json(decode_hub(data)), entry["value"])
        else:
            check(entry["name"], encode_client(from_json(entry["value"])).hex(), entry["hex"])
    of_hubs = lambda entry: entry["from"] == "hub"
    for entry in filter(of_hubs, vectors["unusual"]):
        decoded = to_json(decode_hub(bytes.fromhex(entry["hex"])))
        check(entry["name"], known(decoded), entry["value"])
    for entry in filter(of_hubs, vectors["malformed"]):
        try:
            found = decode_hub(bytes.fromhex(entry["hex"]))
        except Malformed:
            found = "refused"
        check(entry["name"], found, "refused")


def read_delta(entry):
    delta = Reader(bytes.fromhex(entry["hex"])).applied()
    check("delta " + entry["hex"], to_json(delta), entry["value"])
    return delta


def check_merges():
    for entry in load("merges")["merges"]:
        deltas = [read_delta(delta) for delta in entry["deltas"]]
        for order in itertools.permutations(deltas):
            record = Record()
            for delta in [*order, order[0]]:
                record.merge(delta)
            fields = {name: {"stamp": stamp, "value": to_json(value)}
                      for name, (stamp, value) in sorted(record.fields.items())}
            check(entry["name"], {"tombstone": record.tombstone, "fields": fields}, entry["record"])


def check_digests():
    vectors = load("digests")
    for entry in vectors["hashes"]:
        field = [entry["value"][name] for name in ("collection", "key", "field", "stamp")]
        field.append(Raw.fromhex(entry["value"]["value"]))
        check(entry["name"], field_input(*field).hex(), entry["input"])
        check(entry["name"], f"{field_hash(*field):032x}", entry["hex"])
    for entry in vectors["sums"]:
        copy = {}
        for delta in map(read_delta, entry["deltas"]):
            copy.setdefault((delta["collection"], delta["key"]), Record()).merge(delta)
        check(entry["name"], digests_of(copy), entry["digests"])


def check_stamps():
    vectors = load("stamps")
    for entry in vectors["stamps"]:
        value = entry["value"]
        stamp = f"{value['millis'] << 16 | value['counter']:016x}{value['replica']}"
        check(entry["name"], stamp, entry["hex"])
    hexes = [entry["hex"] for entry in vectors["stamps"]]
    check("the order of stamps", sorted(hexes), hexes)
    for entry in vectors["clocks"]:
        clock = Clock(last=int(entry["last"], 16))
        for step in entry["steps"]:
            if "tick" in step:
                clock.tick(step["tick"])
            else:
                taken = clock.observe(int(step["observe"], 16), step["now"])
                check(entry["name"], taken, step["taken"])
            check(entry["name"], f"{clock.last:016x}", step["last"])


for part in (check_frames, check_merges, check_digests, check_stamps):
    part()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)

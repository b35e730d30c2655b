"""What any hub must do for any client, checked over two connections and a cut.

Every check is counted; a wrong answer, a silence and an exception are failures alike. The space
given must exist and be empty of the collection `python`.
"""

from syncline_client import Gone, Rejected, Session
from syncline_copy import Copy
from syncline_wire import raw

COLLECTION = "python"
RECORDS = 50


class Checks:
    """Counts what held and what did not, and says so."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, what, holds):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(("ok      " if holds else "FAILED  ") + what)

    def refused(self, what, code, call):
        try:
            found = f"no refusal but {call()}"
        except Rejected as refusal:
            found = refusal.code
        self.check(f"{what}: {code}" + (f", not {found}" if found != code else ""), found == code)


def run(url, token, space):
    """Runs all; the exit code."""
    checks = Checks()
    try:
        Scenario(url, token, space, checks).run()
    except Exception as error:  # Whatever ends the scenario early is a failure of it.
        checks.check(f"the scenario runs to its end: {type(error).__name__}: {error}", False)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


class Scenario:
    def __init__(self, url, token, space, checks):
        self.url, self.token, self.space = url, token, space
        self.checks, self.check = checks, checks.check

    def connect(self, copy):
        session = Session(self.url, self.token)
        session.follow(copy)
        return session

    def run(self):
        self.mine, self.theirs = Copy(self.space), Copy(self.space)
        self.writer = self.connect(self.mine)
        self.writing()
        self.reader = self.connect(self.theirs)
        self.reading()
        self.live()
        self.resuming()
        self.guards()
        self.clocks()
        self.odds()
        self.verifying()
        self.writer.close()
        self.reader.close()

    def key(self, index):
        return f"record {index:03}"

    def put(self, index, **fields):
        return self.writer.put(COLLECTION, self.key(index), **fields)

    def catch_up(self, session, sequence):
        session.until(lambda: session.copy.cursor["sequence"] >= sequence)

    def writing(self):
        self.check("the space is empty", not self.mine.shown())
        sequences = []
        for start in range(0, RECORDS, 10):
            changes = [self.put(i, n=i, title=f"title {i}") for i in range(start, start + 10)]
            sequences.append(self.writer.push(changes))
        first = sequences[0] - 9
        self.check("each delta has a sequence of its own",
                   sequences == list(range(first + 9, first + RECORDS, 10)))
        self.catch_up(self.writer, sequences[-1])
        self.check("the writer reads its own records", len(self.mine.shown()) == RECORDS)

    def reading(self):
        shown = self.theirs.shown()
        self.check("a second connection gets a snapshot", self.reader.snapshots == 1)
        self.check(f"with all {RECORDS} records", shown == self.mine.shown() and len(shown) == RECORDS)
        self.check("and equal digests", self.reader.verified == 1)

    def live(self):
        last = self.writer.push([self.put(0, title="new", n=None)])
        self.catch_up(self.reader, last)
        self.catch_up(self.writer, last)
        record = self.theirs.shown()[(COLLECTION, self.key(0))]
        self.check("a write arrives live and leaves the other fields", record == {"title": raw("new")})

    def resuming(self):
        self.reader.cut()
        cursor = self.theirs.cursor["sequence"]
        self.writer.push([self.writer.delete(COLLECTION, self.key(i)) for i in range(10)])
        last = self.writer.push([self.put(i, n=-i) for i in range(10, 15)])
        self.catch_up(self.writer, last)
        self.reader = self.connect(self.theirs)
        missed = [delta["sequence"] for delta in self.reader.received]
        self.check("a resume needs no snapshot", self.reader.snapshots == 0)
        self.check("it gets exactly what it missed", missed == list(range(cursor + 1, last + 1)))
        self.check("fifteen deltas", len(missed) == 15)
        self.check("the deleted are gone", len(self.theirs.shown()) == RECORDS - 10)
        self.check("the copies are equal", self.theirs.shown() == self.mine.shown())
        self.check("and proved so", self.reader.verified == 1)

    def guards(self):
        guard = {"collection": COLLECTION, "key": "only once", "condition": "absent"}
        pushes = {}
        for session, by in ((self.writer, "writer"), (self.reader, "reader")):
            put = session.put(COLLECTION, "only once", by=by)
            pushes[by] = (session, session.make_push([put], [guard]))
        for session, push in pushes.values():
            session.send(push)
        answers = {}
        for by, (session, push) in pushes.items():
            counter = push["id"]["counter"]
            session.until(lambda: counter in session.answers)
            answers[by] = session.answers[counter]
        kinds = sorted(answer["type"] for answer in answers.values())
        self.check("of two guarded creates one wins", kinds == ["ack", "reject"])
        lost, won = sorted(answers, key=lambda by: answers[by]["type"] == "ack")
        self.check("the other fails its guard", answers[lost].get("code") == "guard_failed")
        self.catch_up(self.writer, answers[won]["sequence"])
        record = self.mine.shown()[(COLLECTION, "only once")]
        self.check("the record is the winner's", record == {"by": raw(won)})
        session, push = pushes[won]
        self.check("a repeat of the winner still wins", session.answer(push)["type"] == "ack")
        session, push = pushes[lost]
        again = session.answer(push)
        self.check("a repeat of the loser still loses", again.get("code") == "guard_failed")
        self.more_guards()

    def more_guards(self):
        key = self.key(20)
        guard = {"collection": COLLECTION, "key": key}
        session, sequence = self.writer, self.mine.cursor["sequence"]
        equals = {**guard, "condition": "field_equals", "field": "n", "value": raw(20)}
        last = session.push([session.put(COLLECTION, key, n=21)], [equals])
        self.check("a field that equals lets a push through", last > sequence)
        again = [session.put(COLLECTION, key, n=22)]
        self.checks.refused("and only once", "guard_failed", lambda: session.push(again, [equals]))
        unchanged = {**guard, "condition": "unchanged_since", "sequence": sequence}
        self.checks.refused("a record that has changed since", "guard_failed",
                            lambda: session.push(again, [unchanged]))
        absent = {**guard, "condition": "field_absent", "field": "owner"}
        last = session.push([session.put(COLLECTION, key, owner="me")], [absent])
        self.check("a field that is absent lets a push through", last > sequence)

    def clocks(self):
        push = self.writer.make_push([self.put(30, n=1)], ahead_ms=120_000)
        answer = self.writer.answer(push)
        self.check("two minutes ahead is drift", answer.get("code") == "clock_drift")
        own_ms = self.writer.clock.now_ms()
        self.check("and names the hub's time", abs(answer.get("hub_ms", 0) - own_ms) < 5_000)
        last = self.writer.push([self.put(30, n=2)])
        self.catch_up(self.reader, last)
        self.check("stamped anew it is taken", self.theirs.shown()[(COLLECTION, self.key(30))]["n"] == raw(2))

    def odds(self):
        push = self.writer.make_push([self.put(31, n=1)])
        first, second = self.writer.answer(push), self.writer.answer(push)
        self.check("a push twice is one push", {first["type"], second["type"]} == {"ack"})
        self.checks.refused("a collection of the hub's own", "reserved",
                            lambda: self.writer.push([self.writer.put(".own", "a", n=1)]))
        self.checks.refused("a space that nobody made", "unknown_space",
                            lambda: self.connect(Copy(self.space + "/missing")))
        self.checks.refused("a token that nobody made", "unauthorized",
                            lambda: Session(self.url, "sl_000000000000_" + "A" * 43))
        self.checks.refused("a log of another epoch", "unknown_cursor", self.follow_elsewhere)
        self.check("a broken frame ends its session", self.broken_frame_ends())
        self.writer.send({"type": "ping", "nonce": 7})
        self.writer.until(lambda: self.writer.pongs)
        self.check("and no other", self.writer.pongs[0]["nonce"] == 7)

    def follow_elsewhere(self):
        session = Session(self.url, self.token)
        session.copy = Copy(self.space)
        session.subscribe({"from": "follow", "epoch": "00000000000000ff", "after": 0})
        session.until(lambda: session.catch_up is None)
        return session.copy.cursor

    def broken_frame_ends(self):
        session = Session(self.url, self.token)
        session.socket.send(b"\xc1")
        try:
            while True:
                session.receive()
        except Rejected as goodbye:
            return goodbye.code == "malformed"
        except Gone:
            return False

    def verifying(self):
        last = self.writer.push([self.put(40, n=0)])
        for session in (self.writer, self.reader):
            self.catch_up(session, last)
            verified = session.verified
            session.verify()
            self.check("verify proves the copy equal", session.verified == verified + 1)
        self.check("both copies show the same", self.mine.shown() == self.theirs.shown())

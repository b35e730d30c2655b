// Against the real hub: two clients, power cuts in between, and nothing is lost.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, connect, type RecordView } from "../src/index.js";
import { until } from "./hub.js";
import { Program } from "./program.js";

let hub: Program;

beforeAll(async () => {
  hub = await Program.build();
  await hub.start();
  await hub.call("POST", "/spaces", { name: "home/ann" });
});

afterAll(async () => {
  await hub.remove();
});

async function open(deviceName: string, token = hub.token): Promise<Client> {
  return await connect({ url: hub.url, token, deviceName });
}

function fieldsOf(records: readonly RecordView[]): unknown[] {
  return records.map(({ key, fields }) => [key, fields]);
}

describe("the real hub", () => {
  test("takes writes of every kind of value and gives them to others", async () => {
    const [one, other] = [await open("one"), await open("other")];
    const [space, theirs] = [one.space("home/ann"), other.space("home/ann")];
    const fields = {
      text: "hä \u{1f4a1}",
      nothing: null,
      yes: true,
      large: 2n ** 64n - 1n,
      small: -(2n ** 63n),
      bytes: Uint8Array.of(0, 255),
      nested: { list: [1, 2.5, { deep: [] }] },
      when: new Date(1_700_000_000_123),
    };
    await space.put("values", "key with spaces/\u{1f4a1}", fields).whenAcked;
    await until(() => theirs.list("values").length === 1);
    expect(theirs.get("values", "key with spaces/\u{1f4a1}")?.fields).toEqual(fields);
    expect((await space.verify()).type).toBe("equal");
    expect((await theirs.verify()).type).toBe("equal");
    expect(Math.abs(one.clockOffsetMs())).toBeLessThan(1_000);
    space.showPresence({ page: 1 });
    await until(() => theirs.present().length === 1);
    expect(theirs.present()[0]).toMatchObject({ from: { name: "one" }, state: { page: 1 } });
    const heard: unknown[] = [];
    theirs.onSignal((value) => heard.push(value));
    space.signal(["hello"]);
    await until(() => heard.length === 1);
    await Promise.all([one.close(), other.close()]);
  });

  test("guards let one of two win, and the loser hears it", async () => {
    const [one, other] = [await open("one"), await open("other")];
    const [space, theirs] = [one.space("home/ann"), other.space("home/ann")];
    await Promise.all([space.synced(), theirs.synced()]);
    const outcomes = await Promise.allSettled([
      space.create("jobs", "a", { by: "one" }).whenAcked,
      theirs.create("jobs", "a", { by: "other" }).whenAcked,
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await until(
      () => space.get("jobs", "a")?.fields["by"] === theirs.get("jobs", "a")?.fields["by"],
    );
    await Promise.all([one.close(), other.close()]);
  });

  test("dies again and again while two write, and loses nothing", async () => {
    const [one, other] = [await open("one"), await open("other")];
    const [space, theirs] = [one.space("home/ann"), other.space("home/ann")];
    await Promise.all([space.synced(), theirs.synced()]);
    const acked: Promise<unknown>[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let at = 0; at < 60; at += 1) {
        const key = `r${round}-${at}`;
        acked.push(space.put("storm", `one-${key}`, { round, at }).whenAcked);
        acked.push(theirs.put("storm", `other-${key}`, { round, at }).whenAcked);
        if (at === 30) {
          await hub.kill();
        }
      }
      await until(() => one.connection().type === "offline", "the client to notice");
      await hub.start();
      one.retryNow();
      other.retryNow();
      await until(() => one.waiting() === 0 && other.waiting() === 0, "both to be done");
    }
    await Promise.all(acked);
    await until(() => space.list("storm").length === 480 && theirs.list("storm").length === 480);
    expect(fieldsOf(space.list("storm"))).toEqual(fieldsOf(theirs.list("storm")));
    expect((await space.verify()).type).toBe("equal");
    expect((await theirs.verify()).type).toBe("equal");
    // A third one reads it all from a fresh snapshot.
    const third = await open("third");
    await third.space("home/ann").synced();
    expect(fieldsOf(third.space("home/ann").list("storm"))).toEqual(fieldsOf(space.list("storm")));
    await Promise.all([one.close(), other.close(), third.close()]);
  });

  test("keeps what last write wins threw away, to see and to bring back", async () => {
    const [one, other] = [await open("one"), await open("other")];
    const [space, theirs] = [one.space("home/ann"), other.space("home/ann")];
    await Promise.all([space.synced(), theirs.synced()]);
    await space.put("notes", "a", { text: "first" }).whenAcked;
    await until(() => theirs.get("notes", "a") !== undefined);
    other.stop();
    theirs.put("notes", "a", { text: "written offline" });
    await space.put("notes", "a", { text: "second" }).whenAcked;
    theirs.put("notes", "a", { text: "written offline, last" });
    other.start();
    const texts = () => [space, theirs].map((it) => it.get("notes", "a")?.fields["text"]);
    await until(() => other.waiting() === 0 && new Set(texts()).size === 1, "both to agree");
    // Two devices' clocks agree only as well as each knows the hub's: either may have won.
    const rivals = ["second", "written offline, last"];
    const loser = rivals.find((text) => text !== texts()[0]);
    const kept = (await space.conflicts.list()).filter(({ collection }) => collection === "notes");
    const lost = kept.find(({ value }) => value === loser);
    expect(lost).toMatchObject({ key: "a", field: "text", dropped: false, restored: false });
    await space.conflicts.restore(lost?.id ?? "");
    await until(() => texts().every((text) => text === loser), "what was brought back");
    await expect(space.conflicts.restore("none")).rejects.toMatchObject({
      reject: { code: "not_found" },
    });
    await Promise.all([one.close(), other.close()]);
  });

  test("gives up what an access rule withdraws, and gets it back", async () => {
    const acl = "/spaces/home%2Fann/acl";
    const rule = { principal: "ben", item: "diary/secret*", action: "*" };
    await hub.call("POST", "/users", { name: "ben" });
    await hub.call("PUT", "/spaces/home%2Fann/members/ben", { role: "writer" });
    const order = { user: "ben", label: "a test" };
    const { token } = (await hub.call("POST", "/tokens", order)) as { token: string };
    const [one, other] = [await open("one"), await open("other", token)];
    const [space, theirs] = [one.space("home/ann"), other.space("home/ann")];
    for (const key of ["open", "secret-1", "secret-2"]) {
      await space.put("diary", key, { text: "first" }).whenAcked;
    }
    const texts = () => theirs.list("diary").map(({ key, fields }) => `${key} ${fields["text"]}`);
    const first = ["open first", "secret-1 first", "secret-2 first"];
    await until(() => texts().join() === first.join(), "the diary");
    let isTold = false;
    const notices: string[] = [];
    other.onNotice(({ type }) => notices.push(type));
    theirs.subscribe({ collection: "diary", key: "secret-1" }, () => {
      isTold = true;
    });

    await hub.call("PUT", acl, { ...rule, verdict: "deny" });
    await until(() => texts().join() === "open first", "the withdrawal");
    await until(() => isTold, "word of the withdrawal");
    expect((await theirs.verify()).type).toBe("equal");
    // What is not read is not written either, and the refusal leaves nothing behind.
    await expect(theirs.put("diary", "secret-1", { text: "mine" }).whenAcked).rejects.toMatchObject(
      { reject: { code: "forbidden" } },
    );
    expect(theirs.get("diary", "secret-1")).toBeUndefined();
    await space.put("diary", "secret-1", { text: "second" }).whenAcked;
    await space.put("diary", "open", { text: "second" }).whenAcked;
    await until(() => texts().join() === "open second", "what may be read on");
    // Nor does it come with another connection.
    other.stop();
    await space.put("diary", "secret-2", { text: "second" }).whenAcked;
    other.start();
    await until(() => other.connection().type === "live", "the connection");
    expect((await theirs.verify()).type).toBe("equal");
    expect(texts()).toEqual(["open second"]);

    const { principal, item, action } = rule;
    await hub.call("DELETE", `${acl}?${new URLSearchParams({ principal, item, action })}`);
    const second = ["open second", "secret-1 second", "secret-2 second"];
    await until(() => texts().join() === second.join(), "what may be read again");
    expect((await theirs.verify()).type).toBe("equal");
    // The copy was brought there record by record: digests would mend it too, later.
    expect(notices).toEqual(["rejected"]);
    await Promise.all([one.close(), other.close()]);
  });

  test("gives a restored hub back what it lost", async () => {
    const client = await open("one");
    const space = client.space("home/ann");
    await space.put("kept", "before", { x: 1 }).whenAcked;
    await client.settled();
    await hub.command("backup", "hub.backup");
    await space.put("kept", "after", { x: 2 }).whenAcked;
    await space.delete("kept", "before").whenAcked;
    await client.settled();
    await hub.restore("hub.backup");
    await hub.start();
    client.retryNow();
    await until(() => client.connection().type === "live", "the client to come back");
    // Nothing blinks: what the hub lost stays in view, and is offered after a random delay.
    expect(space.list("kept").map(({ key }) => key)).toEqual(["after"]);
    const other = await open("other");
    const theirs = other.space("home/ann");
    await until(() => theirs.get("kept", "after") !== undefined, "the hub to be healed");
    await until(() => theirs.get("kept", "before") === undefined, "the delete to be healed");
    await client.settled();
    expect((await space.verify()).type).toBe("equal");
    await Promise.all([client.close(), other.close()]);
  });

  test("a token that is revoked ends the session, and a new one begins another", async () => {
    const made = (await hub.call("POST", "/tokens", {
      user: "admin",
      label: "phone",
      role: "writer",
      spaces: ["home/ann"],
    })) as { id: string; token: string };
    const client = await open("phone", made.token);
    const space = client.space("home/ann");
    await space.synced();
    await hub.call("DELETE", `/tokens/${made.id}`);
    await until(() => client.connection().type === "needs-auth", "the hub to end the session");
    const write = space.put("c", "offline", { x: 1 });
    client.setToken(hub.token);
    await write.whenAcked;
    await client.close();
  });

  test("a space that is not there is told, and one that is refused", async () => {
    const client = await open("one");
    const space = client.space("nowhere");
    await expect(space.synced()).rejects.toMatchObject({ reject: { code: "unknown_space" } });
    await client.close();
  });
});

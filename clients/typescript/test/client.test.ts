// The client over a hub in miniature: reads, writes, listeners, refusals, presence.

import { describe, expect, test } from "vitest";
import {
  AckError,
  type Client,
  type ConnectOptions,
  connect,
  EphemeralError,
  SyncError,
} from "../src/index.js";
import type { SpaceName } from "../src/name.js";
import { toPlain } from "../src/plain.js";
import { visibleOf } from "../src/record.js";
import { toReject } from "../src/reject.js";
import { FakeHub, settle, until } from "./hub.js";

async function open(hub: FakeHub, options: Partial<ConnectOptions> = {}): Promise<Client> {
  const { openWebSocket } = hub;
  const base = { url: "ws://hub.test", token: "good", environment: { openWebSocket } };
  return await connect({ ...base, ...options } as ConnectOptions);
}

describe("a client", () => {
  test("reads its writes at once, and the hub has them when they are acknowledged", async () => {
    const hub = new FakeHub();
    const client = await open(hub);
    const space = client.space("home");
    const write = space.put("links", "a", { title: "one", stars: 3, note: null });
    expect(space.get("links", "a")?.fields).toEqual({ note: null, stars: 3, title: "one" });
    expect((await write.whenAcked).sequence).toBe(1);
    await write.whenSaved;
    const kept = visibleOf(hub.record("home", "links", "a") ?? (undefined as never));
    expect(kept.map(({ name, value }) => [name, toPlain(value)])).toEqual([
      ["note", null],
      ["stars", 3],
      ["title", "one"],
    ]);
    expect(client.waiting()).toBe(0);
    expect(space.get("links", "a")?.sequence).toBe(1);
    await client.close();
  });

  test("hears only what it asked for, once for each write, and sees others' writes", async () => {
    const hub = new FakeHub();
    const [one, other] = [await open(hub), await open(hub)];
    const [space, theirs] = [one.space("home"), other.space("home")];
    await Promise.all([space.synced(), theirs.synced()]);
    const heard: string[][] = [];
    const stop = space.subscribe({ collection: "links", prefix: "a" }, (records) => {
      heard.push(records.map(({ key }) => key));
    });
    await theirs.transaction((write) =>
      write.put("links", "a1", { x: 1 }).put("links", "a2", { x: 1 }).put("tags", "a3", { x: 1 }),
    ).whenAcked;
    await theirs.put("links", "b", { x: 1 }).whenAcked;
    await until(() => space.get("links", "b") !== undefined);
    expect(heard).toEqual([["a1", "a2"]]);
    stop();
    await theirs.delete("links", "a1").whenAcked;
    await until(() => space.get("links", "a1") === undefined);
    expect(heard.length).toBe(1);
    expect(space.list("links").map(({ key }) => key)).toEqual(["a2", "b"]);
    expect(space.list("links", "a").map(({ key }) => key)).toEqual(["a2"]);
    expect(space.collections()).toEqual(["links", "tags"]);
    await Promise.all([one.close(), other.close()]);
  });

  test("what does not change stays the same object", async () => {
    const hub = new FakeHub();
    const client = await open(hub);
    const space = client.space("home");
    await space.put("c", "a", { x: 1 }).whenAcked;
    await space.put("c", "b", { x: 1 }).whenAcked;
    const [a, b] = [space.get("c", "a"), space.get("c", "b")];
    await space.put("c", "b", { x: 2 }).whenAcked;
    expect(space.get("c", "a")).toBe(a);
    expect(space.get("c", "b")).not.toBe(b);
    await client.close();
  });

  test("a refused write is taken back and told", async () => {
    const hub = new FakeHub();
    const client = await open(hub);
    const space = client.space("home");
    const notices: string[] = [];
    client.onNotice((notice) => notices.push(notice.type));
    await space.create("c", "a", { x: 1 }).whenAcked;
    const late = space.create("c", "a", { x: 2 });
    expect(space.get("c", "a")?.fields["x"]).toBe(2);
    const error = await late.whenAcked.catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(AckError);
    expect((error as AckError).reject?.code).toBe("guard_failed");
    expect(space.get("c", "a")?.fields["x"]).toBe(1);
    expect(notices).toEqual(["rejected"]);
    const seen = space.get("c", "a");
    if (seen !== undefined) {
      await space.putIfUnchanged(seen, { x: 3 }).whenAcked;
      await expect(space.putIfUnchanged(seen, { x: 4 }).whenAcked).rejects.toThrow("guard_failed");
    }
    await space.transaction((write) =>
      write.ifEquals("c", "a", "x", 3).ifFieldAbsent("c", "a", "y").drop("c", "a", ["x"]),
    ).whenAcked;
    expect(space.get("c", "a")).toBeUndefined();
    await client.close();
  });

  test("bad names and values are refused at once, with the way to them", async () => {
    const client = await open(new FakeHub());
    const space = client.space("home");
    expect(() => space.put("bad name", "a", { x: 1 })).toThrow("collection name");
    expect(() => space.put("c", "a", { list: [1, { f: () => 1 }] })).toThrow("list.1.f");
    expect(() => space.put("c", "a", {})).toThrow("at least one field");
    expect(() => space.put(".own", "a", { x: 1 })).toThrow("hub's own");
    expect(() => space.put("c", "a", { x: "y".repeat(2 ** 20) })).toThrow("1048576");
    expect(() => client.space("Not A Name")).toThrow("space name");
    expect(client.waiting()).toBe(0);
    await client.close();
    expect(() => space.put("c", "a", { x: 1 })).toThrow("closed");
  });

  test("a revoked token is told, and a new one starts again", async () => {
    const hub = new FakeHub();
    const client = await open(hub, { token: "old" });
    const states: string[] = [];
    client.onConnection(({ type }) => states.push(type));
    await until(() => client.connection().type === "needs-auth");
    const { attempts } = hub;
    await settle();
    expect(hub.attempts).toBe(attempts);
    const write = client.space("home").put("c", "a", { x: 1 });
    client.setToken("good");
    await write.whenAcked;
    expect(states).toContain("live");
    hub.sayGoodbye("unauthorized", undefined);
    await until(() => client.connection().type === "needs-auth");
    await client.close();
  });

  test("a function may give the token, a fresh one when the last is refused", async () => {
    const hub = new FakeHub();
    const tokens = ["stale", "good"];
    const { openWebSocket } = hub;
    const client = await connect({
      url: "http://hub.test/",
      getToken: () => Promise.resolve(tokens.shift() ?? "good"),
      environment: { openWebSocket },
    });
    await client.space("home").put("c", "a", { x: 1 }).whenAcked;
    expect(client.connection().type).toBe("live");
    await client.close();
  });

  test("signals and presence reach the others, and who leaves is gone", async () => {
    const hub = new FakeHub();
    const one = await open(hub, { deviceName: "kitchen" });
    const other = await open(hub, { deviceName: "hall" });
    const [space, theirs] = [one.space("home"), other.space("home")];
    await Promise.all([space.synced(), theirs.synced()]);
    other.stop();
    expect(() => theirs.signal("nobody hears")).toThrow(EphemeralError);
    other.start();
    await theirs.synced();
    const signals: unknown[] = [];
    theirs.onSignal((value, from) => signals.push([value, from.name]));
    space.signal({ hello: [1, 2] });
    space.showPresence({ page: 7 });
    await until(() => theirs.present().length > 0);
    expect(signals).toEqual([[{ hello: [1, 2] }, "kitchen"]]);
    expect(theirs.present().map(({ from, state }) => [from.name, state])).toEqual([
      ["kitchen", { page: 7 }],
    ]);
    expect(theirs.present()).toBe(theirs.present());
    hub.cutAll();
    await until(() => theirs.present().length === 0);
    one.retryNow();
    other.retryNow();
    await until(() => theirs.present().length > 0);
    await one.close();
    await until(() => theirs.present().length === 0);
    await other.close();
  });

  test("a first copy shows how far it has come", async () => {
    const hub = new FakeHub();
    hub.pageSize = 10;
    const writer = await open(hub);
    await writer.space("home").transaction((write) => {
      for (let at = 0; at < 45; at += 1) {
        write.put("c", `k${at}`, { x: at });
      }
    }).whenAcked;
    const client = await open(hub);
    const space = client.space("home");
    const received: number[] = [];
    space.onStatus(({ progress }) => progress !== undefined && received.push(progress.received));
    await space.synced();
    expect(received).toEqual([10, 20, 30, 40, 45]);
    expect(space.status()).toMatchObject({ isLive: true, isWritable: true, progress: undefined });
    expect(space.list("c").length).toBe(45);
    await Promise.all([writer.close(), client.close()]);
  });

  test("copies are compared, and a lost right ends the waiting", async () => {
    const hub = new FakeHub();
    const client = await open(hub);
    const space = client.space("home");
    await space.put("c", "a", { x: 1 }).whenAcked;
    await space.synced();
    expect(await space.verify()).toEqual({ type: "equal", sequence: 1 });
    const reject = toReject("forbidden", "the test says no");
    hub.say({ type: "reject", subject: { space: "home" as SpaceName }, reject, hubMs: hub.now() });
    await until(() => space.status().ended !== undefined);
    await expect(space.synced()).rejects.toThrow(SyncError);
    expect(space.get("c", "a")).toBeUndefined();
    await client.close();
  });

  test("a part of a space is a part", async () => {
    const hub = new FakeHub();
    const writer = await open(hub);
    const all = writer.space("home");
    await all.put("links", "a", { x: 1 }).whenAcked;
    await all.put("tags", "a", { x: 1 }).whenAcked;
    const client = await open(hub);
    const links = client.space("home", { collections: ["links"] });
    await links.synced();
    expect(links.collections()).toEqual(["links"]);
    client.forget("home");
    expect(client.spaces()).toEqual([]);
    await Promise.all([writer.close(), client.close()]);
  });

  test("one listener that throws disturbs nobody else", async () => {
    const hub = new FakeHub();
    const client = await open(hub);
    const space = client.space("home");
    const thrown: unknown[] = [];
    const catcher = (error: unknown): void => void thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", catcher);
    let heard = 0;
    space.subscribe({}, () => {
      throw new Error("an app's own fault");
    });
    space.subscribe({}, () => {
      heard += 1;
    });
    space.put("c", "a", { x: 1 });
    await settle();
    process.removeAllListeners("uncaughtException");
    for (const other of others) {
      process.on("uncaughtException", other);
    }
    expect(heard).toBe(1);
    expect(thrown.length).toBe(1);
    await client.close();
  });
});

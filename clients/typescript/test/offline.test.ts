// Offline writes, reloads and databases: what was kept is there again, and reaches the hub.

import { describe, expect, test } from "vitest";
import { deleteLocalData } from "../src/index.js";
import type { DeviceId } from "../src/name.js";
import { createStore } from "../src/persist.js";
import { FakeHub, settle, until } from "./hub.js";
import { Browser } from "./world.js";

describe("offline", () => {
  test("writes survive a page that dies, and reach the hub from the next one", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    const browser = new Browser(hub);
    const tab = browser.tab();
    const client = await tab.connect();
    const space = client.space("home");
    const writes = [
      space.put("c", "a", { x: 1 }),
      space.put("c", "b", { x: 2 }),
      space.delete("c", "b"),
      space.transaction((write) => write.put("c", "d", { x: 3 }).put("c", "e", { x: 4 })),
    ];
    await Promise.all(writes.map(({ whenSaved }) => whenSaved));
    const device = client.device();
    tab.kill();

    const again = await browser.tab().connect();
    const home = again.space("home");
    expect(again.device()).toBe(device);
    expect(again.waiting()).toBe(4);
    expect(home.list("c").map(({ key, fields }) => [key, fields["x"]])).toEqual([
      ["a", 1],
      ["d", 3],
      ["e", 4],
    ]);
    hub.isReachable = true;
    again.retryNow();
    await until(() => again.waiting() === 0, "the outbox to empty");
    expect(hub.record("home", "c", "e")).toBeDefined();
    // Each run stamps under an id of its own.
    const replicas = hub.frames.filter((frame) => frame.type === "hello").map((it) => it.replica);
    expect(new Set(replicas).size).toBe(replicas.length);
    await again.close();
  });

  test("what was written as the page was left is kept, behind a save that goes on", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    const browser = new Browser(hub);
    const tab = browser.tab();
    const space = (await tab.connect()).space("home");
    await space.put("c", "a", { x: 1 }).whenSaved;
    space.put("c", "b", { x: 2 });
    space.delete("c", "a");
    tab.leave();

    const again = await browser.tab().connect();
    const home = again.space("home");
    expect(home.list("c").map(({ key }) => key)).toEqual(["b"]);
    expect(again.waiting()).toBe(3);
    await again.close();
  });

  test("a copy is read without a hub, and resumes where it stood", async () => {
    const hub = new FakeHub();
    const browser = new Browser(hub);
    const first = await browser.tab().connect();
    await first.space("home").put("c", "a", { x: 1 }).whenAcked;
    await until(() => first.waiting() === 0);
    await first.close();
    hub.isReachable = false;
    const second = await browser.tab().connect();
    expect(second.spaces()).toEqual(["home"]);
    expect(second.space("home").get("c", "a")?.fields).toEqual({ x: 1 });
    hub.isReachable = true;
    hub.frames.length = 0;
    second.retryNow();
    await second.space("home").synced();
    const subscribe = hub.frames.find((frame) => frame.type === "subscribe");
    expect(subscribe?.start).toMatchObject({ from: "resume", cursor: { sequence: 1 } });
    second.forget("home");
    await second.close();
    const third = await browser.tab().connect();
    expect(third.spaces()).toEqual([]);
    await third.close();
    const { environment } = browser.tab();
    await deleteLocalData({ url: "ws://hub.test", environment });
    expect((await browser.indexedDB.databases()).length).toBe(0);
  });

  test("a push that was sent and not answered is sent again under its id", async () => {
    const hub = new FakeHub();
    hub.isAnswering = false;
    const browser = new Browser(hub);
    const tab = browser.tab();
    const client = await tab.connect();
    await client.space("home").synced();
    client.space("home").put("c", "a", { x: 1 });
    await until(() => hub.frames.some((frame) => frame.type === "push"), "the push");
    tab.kill();
    hub.isAnswering = true;
    const again = await browser.tab().connect();
    await until(() => again.waiting() === 0, "the answer");
    const pushes = hub.frames.filter((frame) => frame.type === "push").map(({ push }) => push.id);
    expect(pushes.length).toBe(2);
    expect(pushes[0]).toEqual(pushes[1]);
    const hello = hub.frames.findLast((frame) => frame.type === "hello");
    expect(hello?.outbox).toEqual([pushes[0]]);
    await again.close();
  });

  test("a database that fails is told, and the client goes on in memory", async () => {
    const hub = new FakeHub();
    const browser = new Browser(hub);
    const broken = {
      open: () => {
        throw new Error("no databases here");
      },
    };
    const { environment } = browser.tab();
    const indexedDB = broken as unknown as IDBFactory;
    const client = await browser.tab().connect({ environment: { ...environment, indexedDB } });
    const notices: string[] = [];
    client.onNotice((notice) => notices.push(notice.type));
    await client.space("home").put("c", "a", { x: 1 }).whenAcked;
    expect(notices).toEqual(["store_lost"]);
    await client.close();
  });

  test("without a name nothing is kept", async () => {
    const hub = new FakeHub();
    const browser = new Browser(hub);
    const client = await browser.tab().connect({ store: false });
    await client.space("home").put("c", "a", { x: 1 }).whenAcked;
    await client.close();
    expect((await browser.indexedDB.databases()).length).toBe(0);
  });

  test("who opens a database last owns it; an earlier one keeps its own writes only", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    const browser = new Browser(hub);
    // No locks: both tabs believe to be alone.
    const one = await browser.tab(["locks"]).connect();
    one.space("home").put("c", "one", { x: 1 });
    const other = await browser.tab(["locks"]).connect();
    const notices: string[] = [];
    one.onNotice((notice) => notices.push(notice.type));
    await one.space("home").put("c", "late", { x: 2 }).whenSaved;
    await one.space("work").put("c", "alone", { x: 4 }).whenSaved;
    await other.space("home").put("c", "other", { x: 3 }).whenSaved;
    await until(() => notices.includes("store_lost"));
    await Promise.all([one.close(), other.close()]);
    const third = await browser.tab().connect();
    const keys = third
      .space("home")
      .list("c")
      .map(({ key }) => key);
    expect(keys).toEqual(["late", "one", "other"]);
    expect(third.space("work").get("c", "alone")?.fields).toEqual({ x: 4 });
    hub.isReachable = true;
    third.retryNow();
    await until(() => third.waiting() === 0);
    await third.close();
  });

  test("of the terms that have ended the last ones are remembered", async () => {
    const { indexedDB } = new Browser(new FakeHub());
    const device = "0000000000000001" as DeviceId;
    for (let opened = 0; opened < 1_010; opened += 1) {
      const store = createStore(indexedDB, "terms");
      await store.open(device);
      store.close();
    }
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("terms");
      request.onsuccess = () => resolve(request.result);
    });
    const keys = await new Promise<IDBValidKey[]>((resolve) => {
      const request = database.transaction("meta").objectStore("meta").getAllKeys();
      request.onsuccess = () => resolve(request.result);
    });
    const ended = keys.filter(Array.isArray).map(([, term]) => Number(term));
    expect([ended.length, ended[0], ended.at(-1)]).toEqual([1_000, 10, 1_009]);
    database.close();
  });

  test("damaged data is told, not guessed", async () => {
    const hub = new FakeHub();
    const browser = new Browser(hub);
    const store = createStore(browser.indexedDB, "syncline ws://hub.test/ws default");
    await store.open("0000000000000001" as DeviceId);
    const id = { replica: "0000000000000001", counter: 1 } as never;
    const none = { forgotten: [], emptied: [], spaces: [], records: [], clock: undefined };
    await store.save([{ ...none, pushes: [{ id, order: 1, bytes: Uint8Array.of(0xc1) }] }]);
    store.close();
    await expect(browser.tab().connect()).rejects.toThrow("the saved push cannot be read");
    await settle();
  });
});

// Tabs of one browser: one connection, one database, and every tab reads and writes.

import { describe, expect, test } from "vitest";
import type { Client } from "../src/index.js";
import { FakeHub, settle, until } from "./hub.js";
import { Browser, type Tab } from "./world.js";

async function pair(hub: FakeHub) {
  const browser = new Browser(hub);
  const [leadTab, followTab] = [browser.tab(), browser.tab()];
  const lead = await leadTab.connect();
  const follow = await followTab.connect();
  return { browser, leadTab, followTab, lead, follow };
}

describe("tabs", () => {
  test("share one connection, and each sees the other's writes", async () => {
    const hub = new FakeHub();
    const { lead, follow } = await pair(hub);
    expect([lead.leads(), follow.leads()]).toEqual([true, false]);
    const [one, other] = [lead.space("home"), follow.space("home")];
    await Promise.all([one.synced(), other.synced()]);
    expect(hub.attempts).toBe(1);
    expect(follow.connection().type).toBe("live");
    const [heard, waiting]: [string[], number[]] = [[], []];
    follow.onWaiting((count) => waiting.push(count));
    other.subscribe({}, (records) => heard.push(...records.map(({ key }) => key)));
    const write = other.put("c", "mine", { x: 1 });
    expect(other.get("c", "mine")?.fields).toEqual({ x: 1 });
    await write.whenSaved;
    await write.whenAcked;
    await until(() => one.get("c", "mine") !== undefined);
    await one.put("c", "theirs", { x: 2 }).whenAcked;
    await until(() => other.get("c", "theirs") !== undefined);
    expect(heard).toEqual(["mine", "theirs"]);
    await until(() => follow.waiting() === 0 && lead.waiting() === 0);
    expect([waiting[0], waiting.at(-1)]).toEqual([1, 0]);
    expect(await other.verify()).toEqual({ type: "equal", sequence: 2 });
    expect(hub.record("home", "c", "theirs")).toBeDefined();
    await Promise.all([follow.close(), lead.close()]);
    expect(hub.sessions.size).toBe(0);
  });

  test("tabs that open at once all have the data when they are open", async () => {
    const hub = new FakeHub();
    const browser = new Browser(hub);
    const before = await browser.tab().connect();
    await before.space("home").put("c", "a", { x: 1 }).whenAcked;
    const device = before.device();
    await before.close();
    hub.isReachable = false;
    const tabs = [browser.tab(), browser.tab(), browser.tab()];
    const clients = await Promise.all(tabs.map((tab) => tab.connect()));
    for (const client of clients) {
      expect(client.device()).toBe(device);
      expect(client.space("home").get("c", "a")?.fields).toEqual({ x: 1 });
    }
    expect(clients.filter((client) => client.leads()).length).toBe(1);
    await Promise.all(clients.map((client) => client.close()));
  });

  test("a space stays open for as long as one tab wants it", async () => {
    const hub = new FakeHub();
    const { lead, follow } = await pair(hub);
    const guest = await new Browser(hub).tab().connect();
    const [one, other, theirs] = [lead, follow, guest].map((client) => client.space("home"));
    await Promise.all([one?.synced(), other?.synced(), theirs?.synced()]);
    one?.close();
    await theirs?.put("c", "a", { x: 1 }).whenAcked;
    await until(() => other?.get("c", "a") !== undefined);
    other?.close();
    await until(() => lead.spaces().length === 0);
    const write = other?.put("c", "late", { x: 1 });
    follow.forget("home");
    await expect(write?.whenAcked).rejects.toThrow("forgotten");
    await Promise.all([follow.close(), lead.close(), guest.close()]);
  });

  test("a follower knows the hub's clock", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    hub.now = () => Date.now() + 3_600_000;
    const { lead, follow } = await pair(hub);
    hub.isReachable = true;
    lead.retryNow();
    await until(() => follow.clockOffsetMs() > 3_000_000);
    follow.space("home").put("c", "a", { x: 1 });
    const stamp = follow.space("home").get("c", "a")?.stamp ?? "";
    expect(Number.parseInt(stamp.slice(0, 12), 16)).toBeGreaterThan(Date.now() + 3_000_000);
    await Promise.all([follow.close(), lead.close()]);
  });

  test("a refusal takes a follower's write back in both", async () => {
    const hub = new FakeHub();
    const { lead, follow } = await pair(hub);
    const [one, other] = [lead.space("home"), follow.space("home")];
    await one.put("c", "a", { x: 1 }).whenAcked;
    await until(() => other.get("c", "a") !== undefined);
    await expect(other.create("c", "a", { x: 2 }).whenAcked).rejects.toThrow("guard_failed");
    await until(() => other.get("c", "a")?.fields["x"] === 1);
    expect(one.get("c", "a")?.fields["x"]).toBe(1);
    await Promise.all([follow.close(), lead.close()]);
  });

  test("when the leading tab closes the other one leads, and nothing is lost", async () => {
    const hub = new FakeHub();
    const { lead, follow } = await pair(hub);
    const other = follow.space("home");
    await other.put("c", "a", { x: 1 }).whenAcked;
    await lead.close();
    const write = other.put("c", "b", { x: 2 });
    await until(() => follow.leads(), "the other tab to lead");
    await write.whenAcked;
    expect(other.list("c").map(({ key }) => key)).toEqual(["a", "b"]);
    await follow.close();
  });

  test("a write that the leading tab died over is handed to the next one", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    const browser = new Browser(hub);
    const tabs: Tab[] = [browser.tab(), browser.tab(), browser.tab()];
    const clients: Client[] = [];
    for (const tab of tabs) {
      clients.push(await tab.connect());
    }
    const [first, second, third] = clients as [Client, Client, Client];
    const spaces = clients.map((client) => client.space("home"));
    await settle();
    spaces[1]?.put("c", "known", { x: 1 });
    await until(() => spaces[0]?.get("c", "known") !== undefined);
    tabs[0]?.kill();
    // These two reach nobody that lives.
    const [lost, late] = [
      spaces[1]?.put("c", "lost", { x: 2 }),
      spaces[2]?.put("c", "late", { x: 3 }),
    ];
    hub.isReachable = true;
    await until(() => second.leads(), "the second tab to lead");
    second.retryNow();
    await Promise.all([lost?.whenAcked, late?.whenAcked]);
    await until(() => second.waiting() === 0 && third.waiting() === 0, "empty outboxes");
    for (const space of [spaces[1], spaces[2]]) {
      expect(space?.list("c").map(({ key }) => key)).toEqual(["known", "late", "lost"]);
    }
    const pushes = hub.frames.filter((frame) => frame.type === "push");
    const texts = pushes.map(({ push }) => `${push.id.replica}#${push.id.counter}`);
    expect(new Set(texts).size).toBe(3);
    expect(first.leads()).toBe(true);
    await Promise.all([third.close(), second.close()]);
  });

  test("presence, signals, tokens and stops go by way of the leading tab", async () => {
    const hub = new FakeHub();
    const { lead, follow } = await pair(hub);
    const guest = await new Browser(hub).tab().connect({ deviceName: "guest" });
    const [other, theirs] = [follow.space("home"), guest.space("home")];
    await Promise.all([other.synced(), theirs.synced()]);
    const signals: unknown[] = [];
    theirs.onSignal((value) => signals.push(value));
    other.signal("hi");
    other.showPresence({ at: 1 });
    theirs.showPresence({ at: 2 });
    await until(() => theirs.present().length === 1 && other.present().length === 1);
    expect(signals).toEqual(["hi"]);
    expect(other.present()[0]?.state).toEqual({ at: 2 });
    follow.stop();
    await until(() => follow.connection().type === "stopped");
    expect(lead.connection().type).toBe("stopped");
    follow.start();
    await until(() => follow.connection().type === "live");
    follow.setToken("another");
    hub.sayGoodbye("going_away", 0);
    await until(() => follow.connection().type === "needs-auth");
    follow.setToken("good");
    await until(() => follow.connection().type === "live");
    follow.forget("home");
    await until(() => !lead.spaces().includes("home" as never));
    await Promise.all([follow.close(), lead.close(), guest.close()]);
  });

  test.each([["locks"], ["openChannel"]] as const)(
    "without %s each tab is its own",
    async (lack) => {
      const hub = new FakeHub();
      const browser = new Browser(hub);
      const one = await browser.tab([lack]).connect();
      const other = await browser.tab([lack]).connect();
      const [space, theirs] = [one.space("home"), other.space("home")];
      await Promise.all([space.synced(), theirs.synced()]);
      expect(hub.attempts).toBe(2);
      expect([one.leads(), other.leads()]).toEqual([true, true]);
      await space.put("c", "a", { x: 1 }).whenAcked;
      await theirs.put("c", "b", { x: 1 }).whenAcked;
      await until(() => space.list("c").length === 2 && theirs.list("c").length === 2);
      await Promise.all([one.close(), other.close()]);
    },
  );

  test("without a database tabs still share, and the next one leads with what it knows", async () => {
    const hub = new FakeHub();
    const browser = new Browser(hub);
    const [one, other] = [browser.tab(["indexedDB"]), browser.tab(["indexedDB"])];
    const lead = await one.connect();
    const follow = await other.connect();
    const [space, theirs] = [lead.space("home"), follow.space("home")];
    await space.put("c", "a", { x: 1 }).whenAcked;
    await until(() => theirs.get("c", "a") !== undefined);
    hub.isReachable = false;
    hub.cutAll();
    const write = space.put("c", "b", { x: 2 });
    await until(() => theirs.get("c", "b") !== undefined, "the write in the other tab");
    one.kill();
    await until(() => follow.leads());
    hub.isReachable = true;
    follow.retryNow();
    await until(() => follow.waiting() === 0 && hub.record("home", "c", "b") !== undefined);
    expect(write.id).toBeDefined();
    await follow.close();
  });
});

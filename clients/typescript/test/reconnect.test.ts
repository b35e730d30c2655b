// Reconnecting, in virtual time: pauses grow, are scattered, end at once when the network is back,
// and never end for good.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Client, connect } from "../src/index.js";
import { FakeHub } from "./hub.js";

const NOW_MS = 1_700_000_000_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW_MS });
});

afterEach(() => {
  vi.useRealTimers();
});

interface Setup {
  readonly client: Client;
  readonly online: () => void;
}

async function open(hub: FakeHub, random = 1n): Promise<Setup> {
  let happened: (what: "online") => void = () => undefined;
  let draws = random;
  const client = await connect({
    url: "ws://hub.test",
    token: "good",
    store: false,
    environment: {
      openWebSocket: hub.openWebSocket,
      random: () => {
        draws = BigInt.asUintN(64, draws * 6364136223846793005n + 1442695040888963407n);
        return draws;
      },
      steady: () => Math.floor(performance.now()),
      watch: (told) => {
        happened = told;
        return () => undefined;
      },
    },
  });
  return { client, online: () => happened("online") };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("reconnecting", () => {
  test("goes on for ever, with pauses that grow to half a minute and are scattered", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    const { client } = await open(hub);
    const pauses: number[] = [];
    client.onConnection((connection) => {
      if (connection.type === "offline") {
        pauses.push(connection.nextTryAt - Date.now());
        expect(connection.reason).toContain("cannot be reached");
      }
    });
    await pass(24 * 3_600_000);
    expect(hub.attempts).toBeGreaterThan(24 * 60);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
    expect(Math.max(...pauses.slice(0, 3))).toBeLessThanOrEqual(4_000);
    const late = pauses.slice(10);
    const mean = late.reduce((all, pause) => all + pause, 0) / late.length;
    expect(mean).toBeGreaterThan(12_000);
    expect(mean).toBeLessThan(18_000);
    hub.isReachable = true;
    await pass(31_000);
    expect(client.connection().type).toBe("live");
    await client.close();
  });

  test("at once when the network is back", async () => {
    const hub = new FakeHub();
    hub.isReachable = false;
    const { client, online } = await open(hub);
    await pass(600_000);
    hub.isReachable = true;
    online();
    await pass(0);
    expect(client.connection().type).toBe("live");
    await client.close();
  });

  test("a storm of cuts loses no write and doubles none", async () => {
    const hub = new FakeHub();
    const setups = await Promise.all([1n, 2n, 3n].map((seed) => open(hub, seed)));
    const spaces = setups.map(({ client }) => client.space("home"));
    for (let round = 0; round < 300; round += 1) {
      spaces[round % 3]?.put("c", `k${round}`, { x: round });
      if (round % 4 === 0) {
        hub.cutAll(round % 8 === 0);
      }
      await pass(round % 7 === 0 ? 900 : 3);
    }
    hub.isReachable = true;
    await pass(120_000);
    for (const { client } of setups) {
      expect(client.waiting()).toBe(0);
    }
    for (const space of spaces) {
      expect(space.list("c").length).toBe(300);
      const verified = space.verify();
      await pass(1_000);
      expect((await verified).type).toBe("equal");
    }
    expect(hub.spaces.get("home" as never)?.sequence).toBe(300);
    await Promise.all(setups.map(({ client }) => client.close()));
  });

  test("a hub that falls silent is left, and one that asks for time is given it", async () => {
    const hub = new FakeHub();
    const { client } = await open(hub);
    await client.space("home").synced();
    const states: string[] = [];
    client.onConnection((connection) => {
      states.push(connection.type === "offline" ? (connection.reason ?? "") : connection.type);
    });
    hub.isAnswering = false;
    client.space("home").put("c", "a", { x: 1 });
    await pass(31_000);
    expect(states[0]).toContain("did not answer the push");
    hub.isAnswering = true;
    await pass(60_000);
    expect(client.connection().type).toBe("live");
    hub.sayGoodbye("going_away", 7_000);
    await pass(0);
    const { attempts } = hub;
    await pass(6_999);
    expect(hub.attempts).toBe(attempts);
    await pass(30_000);
    expect(client.connection().type).toBe("live");
    await client.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a device whose clock is wrong stamps by the hub's, and says how wrong it is", async () => {
    const hub = new FakeHub();
    hub.now = () => Date.now() - 3_600_000;
    const { client } = await open(hub);
    const space = client.space("home");
    await space.synced();
    expect(client.clockOffsetMs()).toBe(-3_600_000);
    await space.put("c", "a", { x: 1 }).whenAcked;
    const stamp = space.get("c", "a")?.stamp ?? "";
    expect(Number.parseInt(stamp.slice(0, 12), 16)).toBeLessThan(NOW_MS - 3_000_000);
    await client.close();
  });
});

// @vitest-environment jsdom
// The hooks: a component shows what it reads, and is drawn again for that and nothing else.

import { act, type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Client, connect, type Space } from "../src/index.js";
import {
  useCollection,
  useConnection,
  usePresence,
  useRecord,
  useSpaceStatus,
} from "../src/react.js";
import { FakeHub, until } from "./hub.js";

interface Todo {
  readonly text: string;
  readonly done?: boolean;
}

let hub: FakeHub;
let client: Client;
let space: Space;
let page: HTMLElement;
let unmount: () => Promise<void>;

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  hub = new FakeHub();
  const { openWebSocket } = hub;
  const environment = { openWebSocket };
  client = await connect({ url: "ws://hub.test", token: "good", store: false, environment });
  space = client.space("home");
  page = document.createElement("div");
});

afterEach(async () => {
  await unmount();
  await client.close();
});

async function show(node: ReactNode): Promise<void> {
  const root = createRoot(page);
  await act(() => root.render(<StrictMode>{node}</StrictMode>));
  unmount = async () => act(() => root.unmount());
}

/** Lets something happen, and what is drawn of it. */
async function drawing(happen: () => Promise<unknown>): Promise<void> {
  await act(async () => {
    await happen();
  });
}

describe("hooks", () => {
  test("a record and a collection are drawn when they change, and not otherwise", async () => {
    const todos = space.collection<Todo>("todos");
    let [draws, others] = [0, 0];
    const One = () => {
      draws += 1;
      return <p id="one">{useRecord(todos, "a")?.text ?? "none"}</p>;
    };
    const All = () => {
      others += 1;
      const texts = useCollection(todos).map(({ key, value }) => `${key}:${value.text}`);
      return <p id="all">{texts.join(" ")}</p>;
    };
    await show([<One key="one" />, <All key="all" />]);
    expect(page.textContent).toBe("none");
    await drawing(() => todos.put("a", { text: "first" }).whenAcked);
    expect(page.querySelector("#one")?.textContent).toBe("first");
    const [before, othersBefore] = [draws, others];
    await drawing(() => todos.put("b", { text: "second" }).whenAcked);
    expect(draws).toBe(before);
    expect(others).toBeGreaterThan(othersBefore);
    expect(page.querySelector("#all")?.textContent).toBe("a:first b:second");
    await drawing(() => todos.delete("a").whenAcked);
    expect(page.textContent).toBe("noneb:second");
  });

  test("connection, status and presence are drawn", async () => {
    const { openWebSocket } = hub;
    const other = await connect({
      url: "ws://hub.test",
      token: "good",
      deviceName: "hall",
      store: false,
      environment: { openWebSocket },
    });
    const theirs = other.space("home");
    await Promise.all([space.synced(), theirs.synced()]);
    const State = () => {
      const [present, showPresence] = usePresence(space);
      const names = present.map(({ from, state }) => `${from.name}=${String(state)}`);
      const live = useSpaceStatus(space).isLive ? "synced" : "behind";
      return (
        <button type="button" onClick={() => showPresence("here")}>
          {[useConnection(client).type, live, ...names].join(" ")}
        </button>
      );
    };
    await show(<State />);
    expect(page.textContent).toBe("live synced");
    await drawing(async () => {
      theirs.showPresence(7);
      await until(() => space.present().length > 0);
    });
    expect(page.textContent).toBe("live synced hall=7");
    await drawing(async () => {
      document.body.append(page);
      page.querySelector("button")?.click();
      await until(() => theirs.present().length > 0);
    });
    await drawing(async () => {
      client.stop();
      await until(() => client.connection().type === "stopped");
    });
    expect(page.textContent).toBe("stopped behind");
    await other.close();
  });
});

// What a client takes from the world around it: clocks, chance, timers, sockets, storage, tabs.
//
// Everything may be handed in, so that a test can stand in for the world; what is not comes from
// the platform. What a platform lacks stays absent, and the client does without.

import { openWebSocket } from "#websocket";
import type { OpenWebSocket } from "./websocket.js";

/** The lock manager's one call that is used. */
export interface Locks {
  readonly request: (
    name: string,
    options: { readonly signal?: AbortSignal },
    hold: () => Promise<void>,
  ) => Promise<unknown>;
}

/** A channel between the tabs of one browser. */
export interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage: (message: unknown) => void;
  close: () => void;
}

/** The world. */
export interface Environment {
  /** What the device's clock shows, in milliseconds since 1970. */
  readonly now: () => number;
  /** A clock that never goes back, in milliseconds. */
  readonly steady: () => number;
  /** 64 random bits. */
  readonly random: () => bigint;
  /** Runs something later; gives what takes that back. */
  readonly later: (run: () => void, delayMs: number) => () => void;
  readonly openWebSocket: OpenWebSocket;
  readonly fetch: typeof fetch | undefined;
  readonly indexedDB: IDBFactory | undefined;
  readonly locks: Locks | undefined;
  readonly openChannel: ((name: string) => Channel) | undefined;
  /** Tells when the network is back, when the page is looked at again, and when it is left. */
  readonly watch: (happened: (what: "online" | "visible" | "hidden") => void) => () => void;
}

/** Longest delay that timers take without wrapping around, in milliseconds. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** The platform's own world, with what is handed in in its place. */
export function environmentOf(given: Partial<Environment> = {}): Environment {
  const { BroadcastChannel: Tabs, indexedDB, navigator, window } = globalThis as Platform;
  // Node has channels, but nobody's tabs: only a page shares its connection.
  const hasTabs = window !== undefined && Tabs !== undefined;
  return {
    now: () => Date.now(),
    steady: () => Math.floor(performance.now()),
    random: () => crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n,
    later: (run, delayMs) => {
      const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), DELAY_MS_MAX));
      return () => clearTimeout(timer);
    },
    openWebSocket,
    fetch: globalThis.fetch?.bind(globalThis),
    indexedDB,
    locks: navigator?.locks as Locks | undefined,
    openChannel: hasTabs ? (name) => new Tabs(name) as Channel : undefined,
    watch,
    ...given,
  };
}

interface Platform {
  readonly BroadcastChannel?: typeof BroadcastChannel;
  readonly indexedDB?: IDBFactory;
  readonly navigator?: { readonly locks?: unknown };
  readonly window?: unknown;
}

function watch(happened: (what: "online" | "visible" | "hidden") => void): () => void {
  if (typeof addEventListener !== "function" || typeof document === "undefined") {
    return () => undefined;
  }
  const online = (): void => happened("online");
  const looked = (): void =>
    happened(document.visibilityState === "visible" ? "visible" : "hidden");
  const left = (): void => happened("hidden");
  addEventListener("online", online);
  addEventListener("pagehide", left);
  document.addEventListener("visibilitychange", looked);
  return () => {
    removeEventListener("online", online);
    removeEventListener("pagehide", left);
    document.removeEventListener("visibilitychange", looked);
  };
}

// Stand-ins for what a browser has and Node lacks: locks, tabs' channels, and pages that die.

import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import type { Channel, Environment, Locks } from "../src/environment.js";
import { type Client, type ConnectOptions, connect } from "../src/index.js";
import type { FakeHub } from "./hub.js";

// The stores ask for ranges by the platform's global.
globalThis.IDBKeyRange ??= IDBKeyRange;

interface Request {
  readonly hold: () => Promise<void>;
  readonly done: () => void;
  isGone: boolean;
}

/** One browser: a database, locks, channels, and tabs that can be closed or killed. */
export class Browser {
  readonly indexedDB = new IDBFactory();
  readonly #held = new Map<string, Request>();
  readonly #waiting = new Map<string, Request[]>();
  readonly #channels = new Map<string, Set<TabChannel>>();
  readonly #hub: FakeHub;

  constructor(hub: FakeHub) {
    this.#hub = hub;
  }

  /** A new tab. */
  tab(lacks: readonly (keyof Environment)[] = []): Tab {
    return new Tab(this, this.#hub, lacks);
  }

  locks(tab: Tab): Locks {
    return {
      request: (name, { signal }, hold) =>
        new Promise<void>((resolve, reject) => {
          const request: Request = { hold, done: resolve, isGone: false };
          signal?.addEventListener("abort", () => {
            request.isGone = true;
            reject(new Error("aborted"));
          });
          tab.onKilled(() => {
            request.isGone = true;
            this.#freed(name, request);
          });
          this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), request]);
          this.#grant(name);
        }),
    };
  }

  channel(tab: Tab, name: string): Channel {
    const all = this.#channels.get(name) ?? new Set<TabChannel>();
    this.#channels.set(name, all);
    const channel = new TabChannel(all);
    all.add(channel);
    tab.onKilled(() => channel.close());
    return channel;
  }

  #grant(name: string): void {
    if (this.#held.has(name)) {
      return;
    }
    const next = this.#waiting.get(name)?.shift();
    if (next === undefined) {
      return;
    }
    if (next.isGone) {
      this.#grant(name);
      return;
    }
    this.#held.set(name, next);
    void Promise.resolve()
      .then(() => next.hold())
      .catch(() => undefined)
      .then(() => {
        next.done();
        this.#freed(name, next);
      });
  }

  #freed(name: string, request: Request): void {
    if (this.#held.get(name) === request) {
      this.#held.delete(name);
      queueMicrotask(() => this.#grant(name));
    }
  }
}

class TabChannel implements Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  readonly #all: Set<TabChannel>;

  constructor(all: Set<TabChannel>) {
    this.#all = all;
  }

  postMessage(message: unknown): void {
    const data: unknown = structuredClone(message);
    for (const other of this.#all) {
      if (other !== this) {
        setTimeout(() => (this.#all.has(other) ? other.onmessage?.({ data }) : null), 0);
      }
    }
  }

  close(): void {
    this.#all.delete(this);
  }
}

/** A tab of a browser. */
export class Tab {
  readonly environment: Partial<Environment>;
  readonly #killed: (() => void)[] = [];
  #left: () => void = () => undefined;
  isDead = false;

  constructor(browser: Browser, hub: FakeHub, lacks: readonly (keyof Environment)[]) {
    const { openWebSocket } = hub;
    const all: Partial<Environment> = {
      indexedDB: ofTab(browser.indexedDB, this),
      locks: browser.locks(this),
      openChannel: (name) => browser.channel(this, name),
      openWebSocket: (url, protocol) => {
        const socket = openWebSocket(url, protocol);
        this.onKilled(() => socket.close());
        return socket;
      },
      // A dead page runs nothing more.
      later: (run, delayMs) => {
        const timer = setTimeout(() => (this.isDead ? undefined : run()), delayMs);
        return () => clearTimeout(timer);
      },
      watch: (happened) => {
        this.#left = () => happened("hidden");
        return () => undefined;
      },
    };
    this.environment = { ...all, ...Object.fromEntries(lacks.map((name) => [name, undefined])) };
  }

  onKilled(run: () => void): void {
    this.#killed.push(run);
  }

  /** The page is gone, without a word: its socket, its locks and its timers with it. */
  kill(): void {
    this.isDead = true;
    for (const run of this.#killed) {
      run();
    }
  }

  /** The page is left for another one, which it is told. */
  leave(): void {
    this.#left();
    this.kill();
  }

  async connect(options: Partial<ConnectOptions> = {}): Promise<Client> {
    const base = { url: "ws://hub.test", token: "good", environment: this.environment };
    return await connect({ ...base, ...options } as ConnectOptions);
  }
}

/** The database as a page has it: with the page goes what it has begun there and not committed. */
function ofTab(factory: IDBFactory, tab: Tab): IDBFactory {
  const open: IDBFactory["open"] = (...args) => {
    const request = factory.open(...args);
    request.addEventListener("success", () => {
      const database = request.result;
      const begin = database.transaction.bind(database);
      database.transaction = (...scope) => {
        const transaction = begin(...scope);
        tab.onKilled(() => abort(transaction));
        return transaction;
      };
    });
    return request;
  };
  return { ...factory, open, deleteDatabase: factory.deleteDatabase.bind(factory) };
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended, or is committed and goes its way.
  }
}

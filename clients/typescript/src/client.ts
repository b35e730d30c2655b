// The handle for a hub, and how it is opened.

import { LABEL_BYTES_MAX, TOKEN_BYTES_MAX } from "./codec/limits.js";
import { createConflicts } from "./conflicts.js";
import { Core } from "./core.js";
import { type Environment, environmentOf } from "./environment.js";
import { FILTER_ALL, toFilter } from "./filter.js";
import {
  type DeviceId,
  type SpaceName,
  toCollectionName,
  toSpaceName,
  utf8Length,
} from "./name.js";
import type { Connection, Notice } from "./news.js";
import { toAddress } from "./socket.js";
import { createSpace, type Space } from "./space.js";
import type { Unsubscribe } from "./topics.js";

/** Which hub, who greets it, and where copies live. */
export interface ConnectOptions {
  /** The hub: `ws://`, `wss://`, `http://` or `https://`, a host, a port where it needs one. */
  readonly url: string;
  /** The API token. */
  readonly token?: string;
  /** Gives the API token for each new connection, in the place of `token`. */
  readonly getToken?: () => string | Promise<string>;
  /** The name under which people know this device; at most 128 bytes. */
  readonly deviceName?: string;
  /**
   * Names the local data, so that two accounts of one hub do not share it. Tabs with the same hub
   * and name share one connection. False keeps copies and unsent writes in memory only.
   */
  readonly store?: string | false;
  /** Stands in for parts of the world: clocks, sockets, storage. For tests and odd platforms. */
  readonly environment?: Partial<Environment>;
}

/** A part of a space. */
export interface SpaceOptions {
  /** The collections to keep up; all when there are none. */
  readonly collections?: readonly string[];
  /** Only records whose keys begin so. */
  readonly prefix?: string;
}

/** A hub as one device knows it. */
export interface Client {
  /**
   * A space of the hub. Its copy is kept up from now on, in later runs, too. A space has one filter
   * at a time: the latest holds for all its handles. Throws `NameError`, `FilterError`.
   */
  readonly space: (name: string, options?: SpaceOptions) => Space;
  /** The spaces that are kept up, those of earlier runs among them. */
  readonly spaces: () => SpaceName[];
  /** Drops all that this device knows of a space, unsent writes too. */
  readonly forget: (name: string) => void;
  /** The lasting id of this device. */
  readonly device: () => DeviceId;
  /** How the connection stands; the same object until that changes. */
  readonly connection: () => Connection;
  readonly onConnection: (listener: (connection: Connection) => void) => Unsubscribe;
  /** Refusals, conflicts, divergences, lost rights: what a person or a log should hear of. */
  readonly onNotice: (listener: (notice: Notice) => void) => Unsubscribe;
  /** How many writes wait for the hub. */
  readonly waiting: () => number;
  readonly onWaiting: (listener: (count: number) => void) => Unsubscribe;
  /** Waits until none does: the copies hold what was written, in its place in the hub's log. */
  readonly settled: () => Promise<void>;
  /** How far the hub's clock is ahead of this device's, in milliseconds, as measured last. */
  readonly clockOffsetMs: () => number;
  /** Whether this tab keeps the connection; another tab of the browser does otherwise. */
  readonly leads: () => boolean;
  /** Connects at once instead of at the next try: the app knows that the network is back. */
  readonly retryNow: () => void;
  /** Greets with another token from now on, and starts again if the last one was refused. */
  readonly setToken: (token: string) => void;
  /** Works offline until `start`. */
  readonly stop: () => void;
  /** Goes online again after a stop, by the app or by the hub. */
  readonly start: () => void;
  /** Keeps everything, and leaves the hub. Handles throw `ClosedError` from then on. */
  readonly close: () => Promise<void>;
}

/** What was given to `connect` cannot be used; says what to do. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
}

const VERSION = "typescript/0.1.0";

/**
 * Opens a client. It waits for the local data, never for the network: until the hub is reached, and
 * whenever it cannot be, the client works offline. Fails with `AddressError`, `ConnectError`, and
 * `SavedError` when the local data is damaged.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { url, token, getToken, deviceName = "", store = "default" } = options;
  const address = toAddress(url);
  if ((token === undefined) === (getToken === undefined)) {
    throw new ConnectError("give either `token` or `getToken`");
  }
  check("token", token ?? "", TOKEN_BYTES_MAX);
  check("device name", deviceName, LABEL_BYTES_MAX);
  const environment = environmentOf(options.environment);
  let current = token ?? "";
  const core = new Core({
    environment,
    address,
    identity: { token: current, deviceName, attributes: { client: VERSION } },
    getToken,
    name: store === false ? undefined : localName(address.socket, store),
  });
  try {
    await core.begin();
  } catch (error) {
    await core.end();
    throw error;
  }

  const tokenNow = (): string | Promise<string> => getToken?.() ?? current;
  return {
    space(name, { collections = [], prefix = "" } = {}) {
      const space = toSpaceName(name);
      const isAll = collections.length === 0 && prefix === "";
      const filter = isAll ? FILTER_ALL : toFilter(collections.map(toCollectionName), prefix);
      core.open(space, filter);
      return createSpace(core, space, createConflicts(environment, address, tokenNow, space));
    },
    spaces: () => core.replica().spaces(),
    forget: (name) => core.forget(toSpaceName(name)),
    device: () => core.replica().device,
    connection: () => core.topics.connection(),
    onConnection: (listener) => core.topics.onConnection(listener),
    onNotice: (listener) => core.topics.onNotice(listener),
    waiting: () => core.replica().outboxSize(),
    onWaiting: (listener) => core.topics.onWaiting(listener),
    settled: () => settled(core),
    clockOffsetMs: () => core.replica().offsetMs(),
    leads: () => core.leads(),
    retryNow: () => core.ask({ type: "retry" }),
    setToken(next) {
      check("token", next, TOKEN_BYTES_MAX);
      current = next;
      core.ask({ type: "token", token: next });
    },
    stop: () => core.ask({ type: "stop" }),
    start: () => core.ask({ type: "start" }),
    close: () => core.end(),
  };
}

function settled(core: Core): Promise<void> {
  return new Promise((resolve) => {
    if (core.replica().outboxSize() === 0) {
      resolve();
      return;
    }
    const stop = core.topics.onWaiting((count) => {
      if (count === 0) {
        stop();
        resolve();
      }
    });
  });
}

/** Deletes what this device keeps of a hub under a name. Close its clients before. */
export function deleteLocalData(
  options: Pick<ConnectOptions, "url" | "store" | "environment">,
): Promise<void> {
  const { indexedDB } = environmentOf(options.environment);
  const name = localName(toAddress(options.url).socket, options.store || "default");
  return new Promise((resolve, reject) => {
    const request = indexedDB?.deleteDatabase(`syncline ${name}`);
    if (request === undefined) {
      resolve();
      return;
    }
    request.onsuccess = () => resolve();
    request.onerror = () => reject(new ConnectError(String(request.error)));
    request.onblocked = () => reject(new ConnectError("the local data is in use; close its tabs"));
  });
}

function localName(socket: string, store: string): string {
  return `${socket} ${store}`;
}

function check(what: string, text: string, bytesMax: number): void {
  if (utf8Length(text) > bytesMax) {
    throw new ConnectError(`the ${what} is longer than ${bytesMax} bytes; use a shorter one`);
  }
}

// Who listens to what, and who waits for which write. Listeners hear only what they asked for, and
// one that throws disturbs nobody else.

import { type PushId, pushIdToText } from "./delta.js";
import type { Peer } from "./frame.js";
import type { CollectionName, DeviceId, SpaceName } from "./name.js";
import {
  type Connection,
  type News,
  type Notice,
  noticeOf,
  type PresenceNews,
  type SpaceStatus,
  UNKNOWN_STATUS,
} from "./news.js";
import type { Reject } from "./reject.js";
import type { RecordName } from "./replica/event.js";
import type { Value } from "./value.js";

/** Ends what it was given for. Calling it twice does no harm. */
export type Unsubscribe = () => void;

/** Where the hub put a write. */
export interface Ack {
  readonly push: PushId;
  /** Its place in the space's log. */
  readonly sequence: number;
}

/** Why a write will not be acknowledged. */
export class AckError extends Error {
  override readonly name = "AckError";
  /** The hub's refusal; none when the client was closed, or the space forgotten, before. */
  readonly reject: Reject | undefined;

  constructor(text: string, reject?: Reject) {
    super(text);
    this.reject = reject;
  }
}

/** Why waiting for a space has ended without success. */
export class SyncError extends Error {
  override readonly name = "SyncError";
  /** The hub's refusal, when it is one. */
  readonly reject: Reject | undefined;

  constructor(text: string, reject?: Reject) {
    super(text);
    this.reject = reject;
  }
}

/** What a comparison with the hub showed. */
export type Verified =
  | { readonly type: "equal"; readonly sequence: number }
  | {
      readonly type: "different";
      readonly collections: readonly CollectionName[];
      /** Whether a fresh snapshot is on its way. */
      readonly isRepairing: boolean;
    };

/** Notices that are kept at most until somebody listens. */
const UNHEARD_MAX = 100;

/** What a listener wants to hear of: everything of a space, or a part of it. */
export interface Scope {
  readonly collection?: string;
  readonly key?: string;
  /** How keys begin. */
  readonly prefix?: string;
}

type Listener<T> = (news: T) => void;

interface Topic {
  readonly changes: Set<{
    readonly scope: Scope;
    readonly listener: Listener<readonly RecordName[]>;
  }>;
  readonly signals: Set<Listener<{ readonly from: Peer; readonly value: Value }>>;
  readonly presences: Set<Listener<PresenceNews>>;
  readonly statuses: Set<Listener<SpaceStatus>>;
  readonly verifying: Set<(result: Verified | SyncError) => void>;
  /** Who shows what here now. */
  peers: ReadonlyMap<DeviceId, { readonly from: Peer; readonly state: Value | undefined }>;
  status: SpaceStatus;
}

interface Waiting {
  readonly acked: (ack: Ack) => void;
  readonly failed: (error: AckError) => void;
}

/** All listeners of one client in one tab. */
export class Topics {
  readonly #topics = new Map<SpaceName, Topic>();
  readonly #acks = new Map<string, Waiting>();
  readonly #connections = new Set<Listener<Connection>>();
  readonly #notices = new Set<Listener<Notice>>();
  readonly #waitings = new Set<Listener<number>>();
  #waiting = 0;
  readonly #unheard: Notice[] = [];
  #connection: Connection = { type: "offline", reason: undefined, nextTryAt: 0 };

  connection(): Connection {
    return this.#connection;
  }

  status(space: SpaceName): SpaceStatus {
    return this.#topic(space).status;
  }

  peers(space: SpaceName): Topic["peers"] {
    return this.#topic(space).peers;
  }

  onConnection(listener: Listener<Connection>): Unsubscribe {
    return enter(this.#connections, listener);
  }

  onWaiting(listener: Listener<number>): Unsubscribe {
    return enter(this.#waitings, listener);
  }

  /** The first listener also hears what came before it, as when a database could not be opened. */
  onNotice(listener: Listener<Notice>): Unsubscribe {
    const unheard = this.#unheard.splice(0);
    queueMicrotask(() => {
      for (const notice of unheard) {
        tellAll([listener], notice);
      }
    });
    return enter(this.#notices, listener);
  }

  onChange(space: SpaceName, scope: Scope, listener: Listener<readonly RecordName[]>): Unsubscribe {
    return enter(this.#topic(space).changes, { scope, listener });
  }

  onSignal(
    space: SpaceName,
    listener: Listener<{ readonly from: Peer; readonly value: Value }>,
  ): Unsubscribe {
    return enter(this.#topic(space).signals, listener);
  }

  onPresence(space: SpaceName, listener: Listener<PresenceNews>): Unsubscribe {
    return enter(this.#topic(space).presences, listener);
  }

  onStatus(space: SpaceName, listener: Listener<SpaceStatus>): Unsubscribe {
    return enter(this.#topic(space).statuses, listener);
  }

  /** Waits for the next comparison of a space with the hub. */
  verified(space: SpaceName): Promise<Verified> {
    return new Promise((resolve, reject) => {
      this.#topic(space).verifying.add((result) => {
        if (result instanceof SyncError) {
          reject(result);
        } else {
          resolve(result);
        }
      });
    });
  }

  /** Waits for what becomes of a push. Nobody has to look at the promise. */
  acked(push: PushId): Promise<Ack> {
    const promise = new Promise<Ack>((acked, failed) => {
      this.#acks.set(pushIdToText(push), { acked, failed });
    });
    promise.catch(() => undefined);
    return promise;
  }

  /** Ends the waiting for pushes of which `isWaiting` knows nothing. */
  dropUnanswerable(isWaiting: (push: string) => boolean): void {
    for (const [id, waiting] of this.#acks) {
      if (!isWaiting(id)) {
        this.#acks.delete(id);
        const text = "the client was closed, or the space forgotten, before the hub answered";
        waiting.failed(new AckError(text));
      }
    }
  }

  /** The client is closed: whoever waits is told so. */
  end(): void {
    this.dropUnanswerable(() => false);
    for (const { verifying } of this.#topics.values()) {
      settle(verifying, new SyncError("the client is closed"));
    }
  }

  tell(news: News): void {
    const notice = noticeOf(news);
    if (notice !== undefined) {
      tellAll(this.#notices, notice);
      if (this.#notices.size === 0 && this.#unheard.length < UNHEARD_MAX) {
        this.#unheard.push(notice);
      }
    }
    switch (news.type) {
      case "connection":
        this.#connection = news.connection;
        if (news.connection.type !== "live") {
          this.#forgetPeers();
        }
        tellAll(this.#connections, news.connection);
        break;
      case "acked":
        this.#take(news.push)?.acked({ push: news.push, sequence: news.sequence });
        break;
      case "rejected": {
        const { reject } = news;
        this.#take(news.push)?.failed(new AckError(`${reject.code}: ${reject.text}`, reject));
        break;
      }
      case "waiting":
        if (this.#waiting !== news.count) {
          this.#waiting = news.count;
          tellAll(this.#waitings, news.count);
        }
        break;
      case "hub":
      case "store_lost":
        break;
      default:
        this.#tellSpace(this.#topic(news.space), news);
    }
  }

  #tellSpace(topic: Topic, news: News): void {
    switch (news.type) {
      case "changed":
        for (const { scope, listener } of [...topic.changes]) {
          const records = news.records.filter((name) => holds(scope, name));
          if (records.length > 0) {
            tellAll([listener], records);
          }
        }
        break;
      case "signal":
        tellAll(topic.signals, { from: news.from, value: news.value });
        break;
      case "presence":
        topic.peers = peersAfter(topic.peers, news);
        tellAll(topic.presences, { from: news.from, event: news.event });
        break;
      case "status":
        topic.status = news.status;
        tellAll(topic.statuses, news.status);
        break;
      case "verified":
        settle(topic.verifying, { type: "equal", sequence: news.sequence });
        break;
      case "diverged": {
        const { collections, isRepairing } = news;
        settle(topic.verifying, { type: "different", collections, isRepairing });
        break;
      }
      case "unverified": {
        const text = "the space changes too fast to be verified now; try again when it is quieter";
        settle(topic.verifying, new SyncError(text));
        break;
      }
      case "subscription_ended": {
        const { reject } = news;
        settle(topic.verifying, new SyncError(`${reject.code}: ${reject.text}`, reject));
        break;
      }
      default:
    }
  }

  /** Whoever was there is announced again by the next session. */
  #forgetPeers(): void {
    for (const topic of this.#topics.values()) {
      const peers = topic.peers;
      topic.peers = new Map();
      for (const { from } of peers.values()) {
        tellAll(topic.presences, { from, event: { type: "left" } });
      }
    }
  }

  #take(push: PushId): Waiting | undefined {
    const id = pushIdToText(push);
    const waiting = this.#acks.get(id);
    this.#acks.delete(id);
    return waiting;
  }

  #topic(space: SpaceName): Topic {
    let topic = this.#topics.get(space);
    if (topic === undefined) {
      topic = {
        changes: new Set(),
        signals: new Set(),
        presences: new Set(),
        statuses: new Set(),
        verifying: new Set(),
        peers: new Map(),
        status: UNKNOWN_STATUS,
      };
      this.#topics.set(space, topic);
    }
    return topic;
  }
}

function holds({ collection, key, prefix = "" }: Scope, name: RecordName): boolean {
  return (
    (collection === undefined || collection === name.collection) &&
    (key === undefined || key === name.key) &&
    name.key.startsWith(prefix)
  );
}

function peersAfter(
  peers: Topic["peers"],
  { from, event }: Extract<News, { readonly type: "presence" }>,
): Topic["peers"] {
  const next = new Map(peers);
  if (event.type === "left") {
    next.delete(from.device);
  } else {
    next.set(from.device, { from, state: event.state });
  }
  return next;
}

function enter<T>(listeners: Set<T>, listener: T): Unsubscribe {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

function settle<T>(waiting: Set<(result: T) => void>, result: T): void {
  const all = [...waiting];
  waiting.clear();
  tellAll(all, result);
}

function tellAll<T>(listeners: Iterable<Listener<T>>, news: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(news);
    } catch (error) {
      // The app's own fault reaches whoever watches for errors, and the other listeners their news.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

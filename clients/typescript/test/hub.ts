// A hub in miniature, in this process: spaces with logs, sessions over sockets that a test can cut.
//
// It keeps to the words of the protocol and judges nothing but tokens and guards.

import { decodeClient, encodeHub } from "../src/codec.js";
import type { Cursor, Epoch, ViewMark } from "../src/cursor.js";
import type { Applied, Push } from "../src/delta.js";
import { type Filter, selects } from "../src/filter.js";
import type { ClientFrame, HubFrame, Peer } from "../src/frame.js";
import { holds } from "../src/guard.js";
import { type DeviceId, idOf, type ReplicaId, type SpaceId, type SpaceName } from "../src/name.js";
import { EMPTY_RECORD, merge, type RecordState, visibleOf } from "../src/record.js";
import { type Code, toReject } from "../src/reject.js";
import { SpaceCopy } from "../src/replica/copy.js";
import type { Value } from "../src/value.js";
import type { OpenWebSocket, WebSocketLike } from "../src/websocket.js";

const MARK = idOf(1n) as ViewMark;

interface HubSpace {
  readonly id: SpaceId;
  readonly epoch: Epoch;
  readonly copy: SpaceCopy;
  readonly log: Applied[];
  sequence: number;
}

interface Session {
  readonly socket: HubSocket;
  readonly spaces: Map<SpaceName, Filter>;
  readonly states: Map<SpaceName, Value>;
  peer: Peer | undefined;
}

/** One end of a wire; the other one is the hub's. */
class HubSocket implements WebSocketLike {
  binaryType = "blob";
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  isOpen = false;
  readonly #hub: FakeHub;

  constructor(hub: FakeHub) {
    this.#hub = hub;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    queueMicrotask(() => this.#hub.receive(this, bytes));
  }

  close(): void {
    this.cut(1000);
  }

  /** The wire is cut; both sides hear of it. */
  cut(code = 1006): void {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.#hub.left(this);
    queueMicrotask(() => (wasOpen || code === 1006 ? this.onclose?.({ code, reason: "" }) : null));
  }

  deliver(bytes: Uint8Array<ArrayBuffer>): void {
    queueMicrotask(() => (this.isOpen ? this.onmessage?.({ data: bytes.buffer }) : null));
  }
}

export class FakeHub {
  /** Tokens that it takes. */
  readonly tokens = new Set(["good"]);
  readonly spaces = new Map<SpaceName, HubSpace>();
  readonly sessions = new Map<HubSocket, Session>();
  /** Everything that clients sent. */
  readonly frames: ClientFrame[] = [];
  /** Connections that were tried. */
  attempts = 0;
  isReachable = true;
  /** Whether pushes are answered. */
  isAnswering = true;
  /** Pushes are refused with this. */
  refuse: Code | undefined;
  now: () => number = () => Date.now();
  /** Records of a part of a snapshot. */
  pageSize = 100;

  readonly openWebSocket: OpenWebSocket = () => {
    this.attempts += 1;
    const socket = new HubSocket(this);
    queueMicrotask(() => {
      if (this.isReachable) {
        socket.isOpen = true;
        socket.onopen?.();
      } else {
        socket.cut();
      }
    });
    return socket;
  };

  /** Cuts every connection, and takes no other until it is reachable again. */
  cutAll(isReachable = this.isReachable): void {
    this.isReachable = isReachable;
    for (const socket of [...this.sessions.keys()]) {
      socket.cut();
    }
  }

  /** What a field of a record shows here. */
  record(space: string, collection: string, key: string): RecordState | undefined {
    return this.#space(space as SpaceName).copy.get(collection, key);
  }

  /** Sends a frame to every session. */
  say(frame: HubFrame): void {
    for (const socket of this.sessions.keys()) {
      socket.deliver(encodeHub(frame));
    }
  }

  sayGoodbye(code: Code, retryAfterMs: number | undefined): void {
    this.say({ type: "goodbye", reject: toReject(code, "the test says so"), retryAfterMs });
  }

  receive(socket: HubSocket, bytes: Uint8Array): void {
    const decoded = decodeClient(bytes);
    if (decoded.type === "error") {
      throw decoded.error;
    }
    const { frame } = decoded;
    this.frames.push(frame);
    const session = this.sessions.get(socket);
    if (frame.type === "hello") {
      this.#greet(socket, frame);
    } else if (session !== undefined && socket.isOpen) {
      this.#answer(session, frame);
    }
  }

  left(socket: HubSocket): void {
    const session = this.sessions.get(socket);
    this.sessions.delete(socket);
    for (const space of session?.states.keys() ?? []) {
      this.#tellOthers(session, space, (from) => {
        return { type: "presence", space, from, event: { type: "left" } };
      });
    }
  }

  #greet(socket: HubSocket, hello: Extract<ClientFrame, { type: "hello" }>): void {
    if (!this.tokens.has(hello.token)) {
      const reject = toReject("unauthorized", "the token is unknown");
      socket.deliver(encodeHub({ type: "goodbye", reject, retryAfterMs: undefined }));
      return;
    }
    const peer: Peer = { device: hello.device, name: hello.name, principal: "ann" };
    this.sessions.set(socket, { socket, spaces: new Map(), states: new Map(), peer });
    this.#send(socket, {
      type: "welcome",
      session: idOf(5n),
      hubMs: this.now(),
      hubReplica: idOf(2n) as ReplicaId,
      principal: "ann",
      limits: new Map(),
    });
  }

  #answer(session: Session, frame: ClientFrame): void {
    const { socket } = session;
    switch (frame.type) {
      case "subscribe":
        this.#subscribe(session, frame);
        break;
      case "unsubscribe":
        session.spaces.delete(frame.space);
        break;
      case "push":
        this.#push(socket, frame.push);
        break;
      case "ping":
        this.#send(socket, { type: "pong", nonce: frame.nonce, hubMs: this.now() });
        break;
      case "verify": {
        const { sequence, copy } = this.#space(frame.space);
        const digests = copy.digests();
        this.#send(socket, { type: "digests", space: frame.space, sequence, digests });
        break;
      }
      case "signal":
        this.#tellOthers(session, frame.space, (from) => ({ ...frame, from }));
        break;
      case "presence":
        this.#present(session, frame.space, frame.value);
        break;
      default:
    }
  }

  #present(session: Session, space: SpaceName, value: Value | undefined): void {
    const wasThere = session.states.has(space);
    this.#tellOthers(session, space, (from) => {
      const type = wasThere ? "state" : "joined";
      const event = value === undefined ? ({ type: "left" } as const) : { type, state: value };
      return { type: "presence", space, from, event } as HubFrame;
    });
    if (value === undefined) {
      session.states.delete(space);
    } else {
      session.states.set(space, value);
    }
  }

  #subscribe(session: Session, frame: Extract<ClientFrame, { type: "subscribe" }>): void {
    const { space: name, filter, start } = frame;
    const space = this.#space(name);
    const { id, epoch, sequence } = space;
    session.spaces.set(name, filter);
    const head: Cursor = { epoch, sequence, view: MARK };
    const send = (sent: HubFrame): void => this.#send(session.socket, sent);
    send({ type: "subscribed", space: name, id, head, writable: true });
    let before = sequence;
    if (start.from === "resume" && start.cursor.epoch === epoch) {
      before = start.cursor.sequence;
    } else {
      this.#snapshot(send, name, filter, head);
    }
    const deltas = space.log.filter((applied) => {
      return applied.sequence > before && selects(filter, applied.collection, applied.key);
    });
    send({ type: "changes", space: name, before, last: sequence, more: false, deltas });
    for (const other of this.sessions.values()) {
      const state = other.states.get(name);
      if (other !== session && state !== undefined && other.peer !== undefined) {
        const event = { type: "joined", state } as const;
        send({ type: "presence", space: name, from: other.peer, event });
      }
    }
  }

  #snapshot(
    send: (frame: HubFrame) => void,
    name: SpaceName,
    filter: Filter,
    cursor: Cursor,
  ): void {
    const space = this.#space(name);
    const shown = [...space.copy.entries()].filter(([record, state]) => {
      return visibleOf(state).length > 0 && selects(filter, record.collection, record.key);
    });
    const total = { records: shown.length, bytes: 0 };
    send({ type: "snapshot_begin", space: name, id: space.id, mode: "replace", total });
    let part = 0;
    for (let at = 0; at < shown.length; at += this.pageSize) {
      const deltas = shown.slice(at, at + this.pageSize).flatMap(([record, state]) =>
        visibleOf(state).map(({ name: field, stamp, sequence, value }): Applied => {
          return {
            ...record,
            stamp,
            sequence,
            op: { type: "put", fields: [{ name: field, value }] },
          };
        }),
      );
      send({ type: "snapshot_part", space: name, part, deltas });
      part += 1;
    }
    send({ type: "snapshot_end", space: name, parts: part, cursor });
  }

  #push(socket: HubSocket, push: Push): void {
    if (!this.isAnswering) {
      return;
    }
    const space = this.#space(push.space);
    const isGood = push.guards.every(({ collection, key, condition }) => {
      return holds(condition, space.copy.get(collection, key) ?? EMPTY_RECORD);
    });
    const code = this.refuse ?? (isGood ? undefined : "guard_failed");
    if (code !== undefined) {
      const reject = toReject(code, "the test says no");
      const subject = { push: push.id };
      this.#send(socket, { type: "reject", subject, reject, hubMs: this.now() });
      return;
    }
    const before = space.sequence;
    const deltas: Applied[] = [];
    for (const delta of push.deltas) {
      const applied: Applied = { ...delta, sequence: space.sequence + 1 };
      const known = space.copy.get(delta.collection, delta.key) ?? EMPTY_RECORD;
      if (merge(known, delta.stamp, applied.sequence, delta.op).record !== known) {
        space.copy.merge(applied);
        space.sequence += 1;
        deltas.push(applied);
      }
    }
    space.log.push(...deltas);
    this.#send(socket, { type: "ack", push: push.id, sequence: space.sequence });
    this.#publish(push.space, before, deltas);
  }

  #publish(name: SpaceName, before: number, all: readonly Applied[]): void {
    const last = this.#space(name).sequence;
    for (const { socket, spaces } of this.sessions.values()) {
      const filter = spaces.get(name);
      if (filter !== undefined && all.length > 0) {
        const deltas = all.filter(({ collection, key }) => selects(filter, collection, key));
        this.#send(socket, { type: "changes", space: name, before, last, more: false, deltas });
      }
    }
  }

  #tellOthers(from: Session | undefined, space: SpaceName, frame: (peer: Peer) => HubFrame): void {
    const peer = from?.peer ?? { device: "" as DeviceId, name: "", principal: "" };
    for (const session of this.sessions.values()) {
      if (session !== from && session.spaces.has(space)) {
        this.#send(session.socket, frame(peer));
      }
    }
  }

  #send(socket: HubSocket, frame: HubFrame): void {
    socket.deliver(encodeHub(frame));
  }

  #space(name: SpaceName): HubSpace {
    let space = this.spaces.get(name);
    if (space === undefined) {
      const [id, epoch] = [idOf(7n) as SpaceId, idOf(1n) as Epoch];
      space = { id, epoch, copy: new SpaceCopy(), log: [], sequence: 0 };
      this.spaces.set(name, space);
    }
    return space;
  }
}

/** Lets everything run that is ready, timers of no length included. */
export async function settle(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
  }
}

/** Waits for something that is bound to come. */
export async function until(isSo: () => boolean, what = "it"): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > deadline) {
      throw new Error(`waited for ${what} in vain`);
    }
    await settle(1);
  }
}

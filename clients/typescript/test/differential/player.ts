// Makes the calls of a transcript on this client's session, and tells what comes of them in the
// same forms as the Rust program.

import { bytesToHex } from "../../src/codec/read.js";
import { hexToBytes } from "../../src/codec/write.js";
import { decodeClient, decodeHub } from "../../src/codec.js";
import { type Change, pushIdToText } from "../../src/delta.js";
import { toFilter } from "../../src/filter.js";
import {
  type DeviceId,
  idOf,
  type ReplicaId,
  replicaIdOf,
  type SpaceName,
  toCollectionName,
} from "../../src/name.js";
import { toPlain } from "../../src/plain.js";
import type { Reject } from "../../src/reject.js";
import type { RecordName, ReplicaEvent } from "../../src/replica/event.js";
import {
  restorePush,
  restoreRecord,
  restoreSpace,
  restoreState,
  type Unsaved,
} from "../../src/replica/saved.js";
import { createReplica, type Replica, replicaOver } from "../../src/replica.js";
import {
  type Action,
  type ClientEvent,
  EphemeralError,
  type Moment,
  type SessionState,
} from "../../src/session/client/event.js";
import { ClientSession } from "../../src/session/client.js";
import type { Value } from "../../src/value.js";
import { deltaForm, digestsForm, type Json, type JsonObject, recordForm } from "../forms.js";

const HOME = "home" as SpaceName;
const DEVICE = idOf(1n) as DeviceId;
const IDENTITY = { token: "t", deviceName: "", attributes: {} };

export interface Call {
  readonly call: string;
  readonly [name: string]: Json;
}

/** A store without a disk. */
interface Store {
  readonly spaces: Map<string, Uint8Array>;
  readonly records: Map<string, Uint8Array>;
  readonly pushes: Map<number, Uint8Array>;
  clock: Uint8Array | undefined;
}

/** Makes one call after another; each gives what came of it, to compare with the transcript. */
export function createPlayer(): (call: Call) => JsonObject {
  const store: Store = {
    spaces: new Map(),
    records: new Map(),
    pushes: new Map(),
    clock: undefined,
  };
  let session = new ClientSession(createReplica(replicaIdOf(100n), DEVICE), IDENTITY);
  return (call) => {
    switch (call.call) {
      case "save": {
        const unsaved = session.replica.takeUnsaved();
        keep(store, unsaved);
        return { call: "save", unsaved: unsavedForm(unsaved) };
      }
      case "reopen": {
        const replica = openStore(store, String(call["id"]) as ReplicaId);
        session = new ClientSession(replica, IDENTITY);
        return { call: "reopen", id: replica.id };
      }
      case "check":
        return { call: "check", whole: wholeForm(session.replica) };
      default: {
        const { actions, ...result } = act(session, call, momentOf(call["now"]));
        return {
          ...call,
          ...result,
          actions: actions.map(actionForm),
          wake: session.wakeAtMs() ?? null,
          state: stateForm(session.state()),
        };
      }
    }
  };
}

function momentOf(json: Json | undefined): Moment {
  const [wallMs, steadyMs, random] = json as [number, number, string];
  return { wallMs, steadyMs, random: BigInt(random) };
}

interface Outcome {
  readonly actions: readonly Action[];
  readonly id?: Json;
}

function act(session: ClientSession, call: Call, now: Moment): Outcome {
  switch (call.call) {
    case "opened":
      return { actions: session.opened(now) };
    case "closed":
      return { actions: session.closed(String(call["reason"]), now) };
    case "received":
      return { actions: session.received(hexToBytes(String(call["bytes"])), now) };
    case "wake":
      return { actions: session.wake(now) };
    case "open": {
      const { collections, prefix } = call["filter"] as { collections: string[]; prefix: string };
      const filter = toFilter(collections.map(toCollectionName), prefix);
      return { actions: session.open(HOME, filter, now) };
    }
    case "write":
      return write(session, String(call["push"]), now);
    case "verify":
      return { actions: session.verify(HOME, now)[1] };
    case "signal":
      return { actions: signal(session, Number(call["one"]), now) };
    case "presence": {
      const one = Number(call["one"]);
      const value = one % 3 > 0 ? numberValue(one) : undefined;
      return { actions: session.presence(HOME, value, now) };
    }
    case "close":
      return { actions: session.close(HOME, now) };
    case "forget":
      return { actions: session.forget(HOME, now) };
    case "stop":
      return { actions: session.stop() };
    case "start":
      return { actions: session.start(now) };
    case "token":
      return { actions: session.setToken("another", now) };
    case "retry":
      return { actions: session.retryNow(now) };
    default:
      throw new Error(`the transcript has an unknown call: ${call.call}`);
  }
}

function write(session: ClientSession, hex: string, now: Moment): Outcome {
  const { changes, guards } = writeOf(hex);
  try {
    const [push, actions] = session.write(HOME, changes, guards, now);
    return { id: pushIdToText(push), actions };
  } catch {
    return { id: null, actions: [] };
  }
}

/** The Rust program tells a write as a push; one without deltas cannot be read back. */
function writeOf(hex: string) {
  const decoded = decodeClient(hexToBytes(hex));
  if (decoded.type === "error" || decoded.frame.type !== "push") {
    return { changes: [], guards: [] };
  }
  const { deltas, guards } = decoded.frame.push;
  const changes = deltas.map(({ collection, key, op }): Change => ({ collection, key, op }));
  return { changes, guards };
}

function signal(session: ClientSession, one: number, now: Moment): readonly Action[] {
  try {
    return session.signal(HOME, numberValue(one), now);
  } catch (error) {
    if (error instanceof EphemeralError) {
      return [];
    }
    throw error;
  }
}

function numberValue(number: number): Value {
  return Uint8Array.of(number) as Value;
}

function keep(store: Store, unsaved: Unsaved): void {
  for (const space of [...unsaved.forgotten, ...unsaved.emptied]) {
    for (const name of [...store.records.keys()].filter((it) => it.startsWith(`${space}\0`))) {
      store.records.delete(name);
    }
  }
  for (const space of unsaved.forgotten) {
    store.spaces.delete(space);
  }
  for (const { space, bytes } of unsaved.spaces) {
    store.spaces.set(space, bytes);
  }
  for (const { space, collection, key, bytes } of unsaved.records) {
    put(store.records, `${space}\0${collection}\0${key}`, bytes);
  }
  for (const { order, bytes } of unsaved.pushes) {
    put(store.pushes, order, bytes);
  }
  store.clock = unsaved.clock ?? store.clock;
}

function put<K>(map: Map<K, Uint8Array>, key: K, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) {
    map.delete(key);
  } else {
    map.set(key, bytes);
  }
}

function openStore(store: Store, id: ReplicaId): Replica {
  const state = restoreState(id, DEVICE, store.clock);
  for (const bytes of store.spaces.values()) {
    restoreSpace(state, bytes);
  }
  for (const bytes of store.records.values()) {
    restoreRecord(state, bytes);
  }
  for (const [order, bytes] of [...store.pushes].sort(([a], [b]) => a - b)) {
    restorePush(state, order, bytes);
  }
  return replicaOver(state);
}

const orNull = (bytes: Uint8Array | undefined): Json =>
  bytes === undefined ? null : bytesToHex(bytes);

function unsavedForm(unsaved: Unsaved): Json {
  return {
    forgotten: [...unsaved.forgotten],
    emptied: [...unsaved.emptied],
    spaces: unsaved.spaces.map(({ space, bytes }) => [space, bytesToHex(bytes)]),
    records: unsaved.records.map((it) => [it.collection, it.key, orNull(it.bytes)]),
    pushes: unsaved.pushes.map(({ order, bytes }) => [order, orNull(bytes)]),
    clock: orNull(unsaved.clock),
  };
}

function actionForm(action: Action): Json {
  switch (action.type) {
    case "send":
      return { type: "send", bytes: bytesToHex(action.bytes) };
    case "event":
      return { type: "event", event: eventForm(action.event) };
    default:
      return { ...action };
  }
}

function eventForm(event: ClientEvent): Json {
  switch (event.type) {
    case "state":
      return { type: "state", state: stateForm(event.state) };
    case "signal":
      return { type: "signal", value: bytesToHex(event.value) };
    case "presence":
      return { type: "presence", event: event.event.type };
    default:
      return replicaEventForm(event);
  }
}

function replicaEventForm(event: ReplicaEvent): Json {
  const refusal = ({ code, text, index }: Reject): Json => ({ code, text, index: index ?? null });
  const name = ({ collection, key }: RecordName): Json => [collection, key];
  const { type } = event;
  switch (type) {
    case "changed":
      return { type, records: event.records.map(name) };
    case "progress":
      return { type, received: event.received, records: event.total.records };
    case "acked":
      return { type, push: pushIdToText(event.push), sequence: event.sequence };
    case "rejected":
      return { type, push: pushIdToText(event.push), reject: refusal(event.reject) };
    case "conflict":
      return { type, push: pushIdToText(event.push), deltas: event.deltas.map(deltaForm) };
    case "verified":
      return { type, sequence: event.sequence };
    case "diverged":
      return { type, collections: [...event.collections], isRepairing: event.isRepairing };
    case "subscription_ended":
      return { type, reject: refusal(event.reject) };
    default:
      return { type };
  }
}

function stateForm(state: SessionState): Json {
  return state.type === "offline"
    ? { type: state.type, next: state.nextTryMs, reason: state.reason ?? null }
    : { type: state.type };
}

function wholeForm(replica: Replica): Json {
  const cursor = replica.cursor(HOME);
  const records = replica.records(HOME).map(([{ collection, key }, record]) => {
    const sequences = record.registers.map(({ sequence }) => sequence);
    return [collection, key, recordForm(record), sequences];
  });
  const shown = replica.collections(HOME).flatMap((collection) => {
    const list = replica.list(HOME, collection);
    return list.map(([key, record]) => [collection, key, recordForm(record)]);
  });
  return {
    records,
    shown,
    digests: digestsForm(replica.digests(HOME)),
    sequence: cursor?.sequence ?? null,
    epoch: cursor?.epoch ?? null,
    view: cursor?.view ?? null,
    id: replica.spaceId(HOME) ?? null,
    isLive: replica.isLive(HOME),
    isWritable: replica.isWritable(HOME) ?? null,
    outbox: replica.outboxSize(),
    hello: replica.helloOutbox().map(pushIdToText),
  };
}

/** What a received frame is, for who reads a failure. */
export function describe(call: Call): string {
  if (call.call !== "received") {
    return call.call;
  }
  const decoded = decodeHub(hexToBytes(String(call["bytes"])));
  return decoded.type === "frame" ? JSON.stringify(decoded.frame, plain) : decoded.error.message;
}

function plain(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? toPlain(value as Value) : value;
}

// A session that is welcome: what it waits for, what it sends by itself, and when it is dead.
//
// Everything that is expected has a deadline, so that a lost message ends in a new session and
// never in a silent wait. It never looks into records.

import { encodeClient } from "../../codec.js";
import { comparePushIds, type PushId, pushIdToText } from "../../delta.js";
import type { ClientFrame, HubFrame } from "../../frame.js";
import type { SpaceName } from "../../name.js";
import type { HubLimits } from "../../replica/limits.js";
import { SortedMap } from "../../sorted.js";
import type { Action, Moment } from "./event.js";

/** Anything expected that does not come within this time ends the connection, in milliseconds. */
export const ANSWER_MS = 30_000;
/** How often the hub is told how far the copies have read, in milliseconds. */
export const SEEN_MS = 60_000;
/** A restored hub is offered what it lost after up to this, so that not all offer at once. */
export const HEAL_MS_MAX = 5_000;
/** What the hub asked to send later is sent after a delay from this, in milliseconds .. */
export const RETRY_MS_MIN = 1_000;
/** .. to this. */
export const RETRY_MS_MAX = 10_000;
/** A pong that took longer says too little about the hub's clock, in milliseconds. */
export const PONG_MS_MAX = 5_000;
/** The slowest way to a hub that is waited for: what is in flight delays what comes behind it. */
const SLOWEST_BYTES_PER_MS = 8;

/** What exists only while a session is live. All times are of the steady clock. */
export interface Live {
  readonly type: "live";
  readonly sinceMs: number;
  heardMs: number;
  sentMs: number;
  /** The ping that waits for its pong. */
  ping: { readonly nonce: number; readonly sentMs: number } | undefined;
  pings: number;
  pongAtMs: number | undefined;
  /** When the next frame of a catch-up is due, its first included. */
  readonly catchUps: SortedMap<SpaceName, number>;
  readonly digests: SortedMap<SpaceName, number>;
  /** The pushes without an answer. */
  readonly pushes: Map<string, { readonly id: PushId; dueMs: number; bytes: number }>;
  flyingBytes: number;
  readonly retries: SortedMap<SpaceName, number>;
  readonly heals: SortedMap<SpaceName, number>;
  readonly seen: Map<SpaceName, number>;
  seenAtMs: number;
}

/**
 * The hub's time minus this device's, in milliseconds: what the hub showed, plus half of the round
 * trip, minus what the device shows (Cristian, "Probabilistic clock synchronization", 1989).
 */
export function offsetOf(hubMs: number, sentMs: number, now: Moment): number {
  return hubMs + Math.floor(Math.max(0, now.steadyMs - sentMs) / 2) - now.wallMs;
}

export function createLive({ steadyMs }: Moment): Live {
  return {
    type: "live",
    sinceMs: steadyMs,
    heardMs: steadyMs,
    sentMs: steadyMs,
    ping: undefined,
    pings: 0,
    pongAtMs: undefined,
    catchUps: new SortedMap(),
    digests: new SortedMap(),
    pushes: new Map(),
    flyingBytes: 0,
    retries: new SortedMap(),
    heals: new SortedMap(),
    seen: new Map(),
    seenAtMs: steadyMs + SEEN_MS,
  };
}

/** When there is something to do. */
export function wakeAtMs(live: Live, limits: HubLimits): number {
  const times = [live.seenAtMs, deadAtMs(live, limits), live.pongAtMs ?? Number.POSITIVE_INFINITY];
  for (const waits of [live.catchUps, live.digests, live.retries, live.heals]) {
    for (const [, atMs] of waits.unordered()) {
      times.push(atMs);
    }
  }
  for (const { dueMs } of live.pushes.values()) {
    times.push(dueMs);
  }
  if (live.ping === undefined) {
    times.push(pingAtMs(live, limits));
  }
  return Math.min(...times);
}

/** When to ping: after a heartbeat of silence, and before the hub takes this end for dead. */
export function pingAtMs(live: Live, limits: HubLimits): number {
  const silentAtMs = live.heardMs + limits.heartbeatMs;
  return Math.min(silentAtMs, live.sentMs + Math.floor(limits.idleTimeoutMs / 3));
}

/** When the hub is taken for dead: after two and a half heartbeats without a word. */
function deadAtMs({ heardMs }: Live, { heartbeatMs }: HubLimits): number {
  return heardMs + Math.floor((heartbeatMs * 5) / 2);
}

/** What the hub owes and did not give in time, in words. */
export function overdue(live: Live, limits: HubLimits, nowMs: number): string | undefined {
  if (nowMs >= deadAtMs(live, limits)) {
    return "the hub has fallen silent";
  }
  const isLate = ([, dueMs]: readonly [unknown, number]): boolean => nowMs >= dueMs;
  const catchUp = [...live.catchUps.entries()].find(isLate);
  if (catchUp !== undefined) {
    return `the hub stopped sending ${catchUp[0]}`;
  }
  const digest = [...live.digests.entries()].find(isLate);
  if (digest !== undefined) {
    return `the hub sent no digests of ${digest[0]}`;
  }
  const late = [...live.pushes.values()].filter(({ dueMs }) => nowMs >= dueMs);
  const [first] = late.sort((a, b) => comparePushIds(a.id, b.id));
  if (first !== undefined) {
    return `the hub did not answer the push ${pushIdToText(first.id)}`;
  }
  const isPongLate = live.pongAtMs !== undefined && nowMs >= live.pongAtMs;
  return isPongLate ? "the hub did not answer a ping" : undefined;
}

/** Sends a frame, and notes what the hub owes for it. */
export function send(live: Live, frame: ClientFrame, now: Moment): Action {
  const bytes = encodeClient(frame);
  live.sentMs = now.steadyMs;
  if (frame.type === "push") {
    const id = pushIdToText(frame.push.id);
    live.flyingBytes += bytes.length - (live.pushes.get(id)?.bytes ?? 0);
    const push = { id: frame.push.id, dueMs: 0, bytes: bytes.length };
    live.pushes.set(id, push);
    push.dueMs = answerAtMs(live, now);
  }
  const dueMs = answerAtMs(live, now);
  switch (frame.type) {
    case "subscribe":
      live.catchUps.set(frame.space, dueMs);
      break;
    case "unsubscribe":
      forgetSpace(live, frame.space);
      break;
    case "verify":
      live.digests.set(frame.space, dueMs);
      break;
    case "ping":
      live.ping = { nonce: Number(frame.nonce), sentMs: now.steadyMs };
      live.pongAtMs = dueMs;
      break;
    default:
  }
  return { type: "send", bytes };
}

/** When an answer to what is sent now is due. */
export function answerAtMs({ flyingBytes }: Live, now: Moment): number {
  return now.steadyMs + ANSWER_MS + Math.floor(flyingBytes / SLOWEST_BYTES_PER_MS);
}

/** Notes what a frame gives of what the hub owes. */
export function heard(live: Live, frame: HubFrame, now: Moment): void {
  live.heardMs = now.steadyMs;
  switch (frame.type) {
    case "subscribed":
    case "snapshot_begin":
    case "snapshot_part":
    case "snapshot_end":
    case "changes":
      if (live.catchUps.has(frame.space)) {
        live.catchUps.set(frame.space, answerAtMs(live, now));
      }
      break;
    case "digests":
      live.digests.delete(frame.space);
      break;
    case "ack":
      answered(live, frame.push);
      break;
    case "reject":
      if ("push" in frame.subject) {
        answered(live, frame.subject.push);
      } else {
        forgetSpace(live, frame.subject.space);
      }
      break;
    default:
  }
}

/** Takes the pong that was waited for; gives when its ping was sent. */
export function takePong(live: Live, nonce: number | bigint): number | undefined {
  if (live.ping?.nonce !== nonce) {
    return undefined;
  }
  const { sentMs } = live.ping;
  live.ping = undefined;
  live.pongAtMs = undefined;
  return sentMs;
}

function answered(live: Live, id: PushId): void {
  const text = pushIdToText(id);
  live.flyingBytes -= live.pushes.get(text)?.bytes ?? 0;
  live.pushes.delete(text);
}

function forgetSpace(live: Live, space: SpaceName): void {
  live.catchUps.delete(space);
  live.digests.delete(space);
  live.seen.delete(space);
}

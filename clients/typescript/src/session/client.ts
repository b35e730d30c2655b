// The client's end of a session: connects, greets, keeps a replica fed, and never gives up.
//
//            wake: it is time          opened: hello sent          welcome
//   Offline ----------------> Connecting ---------------> Greeting -----------> Live
//      ^                          |                          |                    |
//      +--------------------------+--------------------------+--------------------+
//      |   closed, too late, silent, goodbye: after a while, longer each time
//      |                                                     |                    |
//      |  a new token, start                                 |  goodbye for good, stop
//      +------------------------- Stopped <------------------+--------------------+
//
// Inputs are calls, told the time by two clocks and some random bits; outputs are actions. The
// shell drives one connection at a time: after `close` it drops the socket and reports nothing
// more of it. What it reads or sends is none of this room's business.

import { decodeHub, encodeClient } from "../codec.js";
import type { Change, PushId } from "../delta.js";
import type { Filter } from "../filter.js";
import { type HubFrame, VERSION, type Welcome } from "../frame.js";
import type { Guard } from "../guard.js";
import type { SpaceName } from "../name.js";
import type { Code, Reject } from "../reject.js";
import { sortNames } from "../replica/event.js";
import { adopt } from "../replica/mirror.js";
import type { Pending } from "../replica/outbox.js";
import type { Received } from "../replica/state.js";
import type { Replica } from "../replica.js";
import type { Value } from "../value.js";
import {
  type Action,
  EphemeralError,
  type Identity,
  type Moment,
  type SessionState,
} from "./client/event.js";
import {
  ANSWER_MS,
  answerAtMs,
  createLive,
  HEAL_MS_MAX,
  heard,
  type Live,
  offsetOf,
  overdue,
  PONG_MS_MAX,
  pingAtMs,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
  SEEN_MS,
  send,
  takePong,
  wakeAtMs,
} from "./client/live.js";

/** The first pause before connecting again is drawn from up to this, in milliseconds. */
export const BACKOFF_MS_MIN = 500;
/** No pause is longer, in milliseconds, unless the hub asks for it. */
export const BACKOFF_MS_MAX = 30_000;
/** No pause that a hub asks for is longer: a typing error should not end a client. */
const RETRY_AFTER_MS_MAX = 3_600_000;
/** A session that lived this long was a good one: the next pause is short again. */
const GOOD_SESSION_MS = 10_000;
/** How often old deletes are purged, in milliseconds. */
const PURGE_MS = 3_600_000;

type Phase =
  | { readonly type: "offline"; nextTryMs: number; readonly reason: string | undefined }
  | { readonly type: "connecting"; readonly deadlineMs: number }
  | { readonly type: "greeting"; readonly deadlineMs: number; readonly sentMs: number }
  | Live
  | { readonly type: "stopped"; readonly reject: Reject | undefined };

/** A replica and the session that feeds it. */
export class ClientSession {
  readonly replica: Replica;
  #identity: Identity;
  #phase: Phase = { type: "offline", nextTryMs: 0, reason: undefined };
  /** Connections in a row that did not last. */
  #failures = 0;
  /** What this device shows in each space, shown again in each session. */
  readonly #presences = new Map<SpaceName, Value>();
  #purgeAtMs = 0;
  #draws = 0n;

  /** A session that connects at its first `wake`. */
  constructor(replica: Replica, identity: Identity) {
    this.replica = replica;
    this.#identity = identity;
  }

  /** How the connection stands, for people. */
  state(): SessionState {
    const phase = this.#phase;
    switch (phase.type) {
      case "offline":
        return { type: "offline", nextTryMs: phase.nextTryMs, reason: phase.reason };
      case "connecting":
      case "greeting":
        return { type: "connecting" };
      case "live":
        return { type: "live" };
      case "stopped":
        return phase.reject !== undefined && needsToken(phase.reject.code)
          ? { type: "needs_auth", reject: phase.reject }
          : { type: "stopped", reject: phase.reject };
    }
  }

  /** When to call `wake`, by the steady clock; never, when the session is stopped. */
  wakeAtMs(): number | undefined {
    const phase = this.#phase;
    switch (phase.type) {
      case "offline":
        return phase.nextTryMs;
      case "connecting":
      case "greeting":
        return phase.deadlineMs;
      case "live":
        return Math.min(wakeAtMs(phase, this.replica.limits()), this.#purgeAtMs);
      case "stopped":
        return undefined;
    }
  }

  /** The socket is open, its WebSocket handshake done. */
  opened(now: Moment): Action[] {
    if (this.#phase.type !== "connecting") {
      return [];
    }
    const { replica } = this;
    const { token, deviceName: name, attributes } = this.#identity;
    const sentMs = now.steadyMs;
    this.#phase = { type: "greeting", deadlineMs: sentMs + ANSWER_MS, sentMs };
    const bytes = encodeClient({
      type: "hello",
      version: VERSION,
      replica: replica.id,
      device: replica.device,
      name,
      token,
      clockMs: now.wallMs,
      outbox: replica.helloOutbox(),
      attributes,
    });
    return [{ type: "send", bytes }];
  }

  /** A binary message arrived. */
  received(bytes: Uint8Array, now: Moment): Action[] {
    const phase = this.#phase;
    if (phase.type !== "greeting" && phase.type !== "live") {
      return [];
    }
    const decoded = decodeHub(bytes);
    if (decoded.type === "error") {
      return this.#giveUp(`the hub sent something unreadable: ${decoded.error.message}`, now);
    }
    const { frame } = decoded;
    if (frame.type === "goodbye") {
      return this.#goodbye(frame.reject, frame.retryAfterMs, now);
    }
    if (phase.type === "live") {
      return this.#liveFrame(phase, frame, now);
    }
    // Nothing else counts before the welcome.
    return frame.type === "welcome" ? this.#welcomed(frame, phase.sentMs, now) : [];
  }

  /** The socket closed, or could not be opened; says why, for people. */
  closed(reason: string, now: Moment): Action[] {
    return this.#isConnected() ? this.#goOffline(reason, undefined, now) : [];
  }

  /** The time that `wakeAtMs` named has come. Calling early does no harm. */
  wake(now: Moment): Action[] {
    const phase = this.#phase;
    switch (phase.type) {
      case "offline":
        if (now.steadyMs < phase.nextTryMs) {
          return [];
        }
        this.#phase = { type: "connecting", deadlineMs: now.steadyMs + ANSWER_MS };
        return [{ type: "connect" }, this.#tellState()];
      case "connecting":
        return now.steadyMs < phase.deadlineMs
          ? []
          : this.#giveUp("the hub could not be reached in time", now);
      case "greeting":
        return now.steadyMs < phase.deadlineMs
          ? []
          : this.#giveUp("the hub did not answer the greeting in time", now);
      case "live":
        return this.#liveWake(phase, now);
      case "stopped":
        return [];
    }
  }

  /** Connects at once if it was waiting: the app knows that the network is back. */
  retryNow(now: Moment): Action[] {
    if (this.#phase.type === "offline") {
      this.#phase.nextTryMs = now.steadyMs;
    }
    return this.wake(now);
  }

  /** Greets with another token from now on; a session that stopped starts again. */
  setToken(token: string, now: Moment): Action[] {
    this.#identity = { ...this.#identity, token };
    return this.start(now);
  }

  /** Starts again after a stop. */
  start(now: Moment): Action[] {
    if (this.#phase.type === "stopped") {
      this.#failures = 0;
      this.#phase = { type: "offline", nextTryMs: now.steadyMs, reason: undefined };
    }
    return this.wake(now);
  }

  /** Ends the connection and makes no other until `start`. */
  stop(): Action[] {
    return this.#stopFor(undefined);
  }

  /** Keeps a space up to date from now on, or another part of it. */
  open(space: SpaceName, filter: Filter, now: Moment): Action[] {
    this.replica.open(space, filter);
    return this.pump(now);
  }

  /** Ends the subscription of a space; its copy and its unsent writes stay. */
  close(space: SpaceName, now: Moment): Action[] {
    this.#presences.delete(space);
    this.replica.close(space);
    return this.pump(now);
  }

  /** Drops all that is known of a space, unsent writes too. */
  forget(space: SpaceName, now: Moment): Action[] {
    this.#presences.delete(space);
    this.replica.forget(space);
    return this.pump(now);
  }

  /** Writes to a space. What it sends may go when the write is saved. Throws `WriteError`. */
  write(
    space: SpaceName,
    changes: readonly Change[],
    guards: readonly Guard[],
    now: Moment,
  ): readonly [push: PushId, actions: Action[]] {
    const push = this.replica.write(space, changes, guards, now.wallMs);
    const changed = { type: "changed", space, records: sortNames(changes) } as const;
    return [push, [{ type: "event", event: changed }, ...this.pump(now)]];
  }

  /** Takes in a write that another replica of this device made, as if it were an own one. */
  adopt(pending: Pending, now: Moment): Action[] {
    const events = adopt(this.replica.state, pending);
    return [...events.map((event): Action => ({ type: "event", event })), ...this.pump(now)];
  }

  /** Asks whether the copy of a space equals the hub's. Whether the space is open. */
  verify(space: SpaceName, now: Moment): readonly [isOpen: boolean, actions: Action[]] {
    return [this.replica.verify(space), this.pump(now)];
  }

  /** Says something to those in a space now; nothing is kept. Throws `EphemeralError`. */
  signal(space: SpaceName, value: Value, now: Moment): Action[] {
    this.#checkEphemeral(value);
    if (this.#phase.type !== "live") {
      const text = "there is no connection to the hub now; signals reach only those who are there";
      throw new EphemeralError("offline", text);
    }
    return [send(this.#phase, { type: "signal", space, value }, now)];
  }

  /**
   * Shows a state to those in a space, now and in later sessions; none takes it back. Throws
   * `EphemeralError`.
   */
  presence(space: SpaceName, value: Value | undefined, now: Moment): Action[] {
    if (value === undefined) {
      this.#presences.delete(space);
    } else {
      this.#checkEphemeral(value);
      this.#presences.set(space, value);
    }
    return this.#phase.type === "live"
      ? [send(this.#phase, { type: "presence", space, value }, now)]
      : [];
  }

  /** Sends what the replica has to send. */
  pump(now: Moment): Action[] {
    const live = this.#phase;
    if (live.type !== "live") {
      return [];
    }
    const { replica } = this;
    for (const space of [...live.catchUps.keys()]) {
      if (replica.isLive(space)) {
        live.catchUps.delete(space);
      }
    }
    // A live stream may fall back to catching up, when this end reads slowly.
    const dueMs = answerAtMs(live, now);
    for (const space of replica.spaces()) {
      if (replica.isCatchingUp(space) && !live.catchUps.has(space)) {
        live.catchUps.set(space, dueMs);
      }
    }
    return replica.takeFrames().map((frame) => send(live, frame, now));
  }

  #checkEphemeral(value: Value): void {
    const most = this.replica.limits().signalBytes;
    if (value.length > most) {
      const text = `the message has ${value.length} bytes, the hub takes ${most}: send less`;
      throw new EphemeralError("too_large", text);
    }
  }

  #welcomed(welcome: Welcome, sentMs: number, now: Moment): Action[] {
    this.replica.welcomed(welcome, offsetOf(welcome.hubMs, sentMs, now), now.wallMs);
    this.#phase = createLive(now);
    return [this.#tellState(), ...this.pump(now)];
  }

  #liveFrame(live: Live, frame: HubFrame, now: Moment): Action[] {
    heard(live, frame, now);
    const { replica } = this;
    const actions: Action[] = [];
    if (frame.type === "pong") {
      const sentMs = takePong(live, frame.nonce);
      if (sentMs !== undefined && now.steadyMs - sentMs <= PONG_MS_MAX) {
        replica.learnOffset(offsetOf(frame.hubMs, sentMs, now), now.wallMs);
      }
    } else if (frame.type === "heartbeat") {
      // The hub's clock shows at least this by now.
      if (frame.hubMs > Math.max(0, now.wallMs + replica.offsetMs())) {
        replica.learnOffset(offsetOf(frame.hubMs, now.steadyMs, now), now.wallMs);
      }
    } else if (frame.type === "subscribed") {
      const value = this.#presences.get(frame.space);
      if (value !== undefined) {
        actions.push(send(live, { type: "presence", space: frame.space, value }, now));
      }
    }
    if (frame.type === "signal" || frame.type === "presence") {
      actions.push({ type: "event", event: frame });
    } else {
      actions.push(...this.#actOn(live, replica.receive(frame, now.wallMs), now));
    }
    return [...actions, ...this.pump(now)];
  }

  /** Tells the app, and plans what the replica leaves to the session. */
  #actOn(live: Live, received: Received, now: Moment): Action[] {
    const actions = received.events.map((event): Action => ({ type: "event", event }));
    if (received.mustReconnect) {
      return [...actions, ...this.#giveUp("part of a snapshot was lost", now)];
    }
    for (const space of received.retry) {
      const delayMs = RETRY_MS_MIN + this.#draw(RETRY_MS_MAX - RETRY_MS_MIN, now);
      live.retries.set(space, now.steadyMs + delayMs);
    }
    for (const space of received.heal) {
      const delayMs = this.#draw(HEAL_MS_MAX, now);
      live.heals.getOrMake(space, () => now.steadyMs + delayMs);
    }
    return actions;
  }

  /** Does what it is time for. */
  #liveWake(live: Live, now: Moment): Action[] {
    const { replica } = this;
    const limits = replica.limits();
    const reason = overdue(live, limits, now.steadyMs);
    if (reason !== undefined) {
      return this.#giveUp(reason, now);
    }
    const actions: Action[] = [];
    if (live.ping === undefined && now.steadyMs >= pingAtMs(live, limits)) {
      live.pings += 1;
      actions.push(send(live, { type: "ping", nonce: live.pings }, now));
    }
    for (const [times, release] of [
      [live.retries, replica.release],
      [live.heals, replica.releaseHealing],
    ] as const) {
      for (const [space, atMs] of times.entries()) {
        if (now.steadyMs >= atMs) {
          times.delete(space);
          release(space);
        }
      }
    }
    if (now.steadyMs >= live.seenAtMs) {
      live.seenAtMs = now.steadyMs + SEEN_MS;
      actions.push(...this.#tellSeen(live, now));
    }
    if (now.steadyMs >= this.#purgeAtMs) {
      this.#purgeAtMs = now.steadyMs + PURGE_MS;
      replica.purge(now.wallMs);
    }
    return [...actions, ...this.pump(now)];
  }

  /** Tells the hub how far the copies have read, where that is news. */
  #tellSeen(live: Live, now: Moment): Action[] {
    const actions: Action[] = [];
    for (const space of this.replica.spaces()) {
      const sequence = this.replica.cursor(space)?.sequence;
      const isNews = sequence !== undefined && live.seen.get(space) !== sequence;
      if (isNews && this.replica.isLive(space)) {
        live.seen.set(space, sequence);
        actions.push(send(live, { type: "seen", space, sequence }, now));
      }
    }
    return actions;
  }

  #goodbye(reject: Reject, retryAfterMs: number | undefined, now: Moment): Action[] {
    const { code } = reject;
    if (needsToken(code) || code === "unsupported_version" || code === "replaced") {
      return this.#stopFor(reject);
    }
    const reason = `the hub said goodbye: ${code}: ${reject.text}`;
    return [{ type: "close" }, ...this.#goOffline(reason, retryAfterMs, now)];
  }

  #stopFor(reject: Reject | undefined): Action[] {
    const wasConnected = this.#isConnected();
    this.replica.disconnected();
    this.#phase = { type: "stopped", reject };
    return [...(wasConnected ? [{ type: "close" } as const] : []), this.#tellState()];
  }

  #isConnected(): boolean {
    return this.#phase.type !== "offline" && this.#phase.type !== "stopped";
  }

  /** Closes a connection that is of no use any more. */
  #giveUp(reason: string, now: Moment): Action[] {
    return [{ type: "close" }, ...this.#goOffline(reason, undefined, now)];
  }

  /**
   * Waits before the next try: a time drawn from a range that doubles with each failure (full
   * jitter), after what the hub asked for.
   */
  #goOffline(reason: string, retryAfterMs: number | undefined, now: Moment): Action[] {
    const phase = this.#phase;
    const wasGood = phase.type === "live" && now.steadyMs - phase.sinceMs >= GOOD_SESSION_MS;
    this.#failures = wasGood ? 0 : this.#failures + 1;
    this.replica.disconnected();
    const doublings = Math.min(Math.max(this.#failures - 1, 0), 16);
    const rangeMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** doublings);
    const askedMs = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX);
    const nextTryMs = now.steadyMs + askedMs + this.#draw(rangeMs, now);
    this.#phase = { type: "offline", nextTryMs, reason };
    return [this.#tellState()];
  }

  #tellState(): Action {
    return { type: "event", event: { type: "state", state: this.state() } };
  }

  /**
   * A number from 0 to `most`, of the moment's random bits; each draw is another (SplitMix64 of
   * Steele, Lea and Flood, 2014).
   */
  #draw(most: number, now: Moment): number {
    this.#draws = BigInt.asUintN(64, this.#draws + 0x9e37_79b9_7f4a_7c15n);
    let bits = now.random ^ this.#draws;
    bits = BigInt.asUintN(64, (bits ^ (bits >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
    bits = BigInt.asUintN(64, (bits ^ (bits >> 27n)) * 0x94d0_49bb_1331_11ebn);
    return Number((bits ^ (bits >> 31n)) % BigInt(most + 1));
  }
}

/** Whether another token may help. */
function needsToken(code: Code): boolean {
  return code === "unauthorized" || code === "forbidden";
}

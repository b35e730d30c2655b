import type { Change, PushId } from "../delta.js";
import type { Filter } from "../filter.js";
import type { Guard } from "../guard.js";
import type { SpaceName } from "../name.js";
import type { Pending } from "../replica/outbox.js";
import type { Replica } from "../replica.js";
import type { Value } from "../value.js";
import { type Action, type Identity, type Moment, type SessionState } from "./client/event.js";
/** The first pause before connecting again is drawn from up to this, in milliseconds. */
export declare const BACKOFF_MS_MIN = 500;
/** No pause is longer, in milliseconds, unless the hub asks for it. */
export declare const BACKOFF_MS_MAX = 30000;
/** A replica and the session that feeds it. */
export declare class ClientSession {
    #private;
    readonly replica: Replica;
    /** A session that connects at its first `wake`. */
    constructor(replica: Replica, identity: Identity);
    /** How the connection stands, for people. */
    state(): SessionState;
    /** When to call `wake`, by the steady clock; never, when the session is stopped. */
    wakeAtMs(): number | undefined;
    /** The socket is open, its WebSocket handshake done. */
    opened(now: Moment): Action[];
    /** A binary message arrived. */
    received(bytes: Uint8Array, now: Moment): Action[];
    /** The socket closed, or could not be opened; says why, for people. */
    closed(reason: string, now: Moment): Action[];
    /** The time that `wakeAtMs` named has come. Calling early does no harm. */
    wake(now: Moment): Action[];
    /** Connects at once if it was waiting: the app knows that the network is back. */
    retryNow(now: Moment): Action[];
    /** Greets with another token from now on; a session that stopped starts again. */
    setToken(token: string, now: Moment): Action[];
    /** Starts again after a stop. */
    start(now: Moment): Action[];
    /** Ends the connection and makes no other until `start`. */
    stop(): Action[];
    /** Keeps a space up to date from now on, or another part of it. */
    open(space: SpaceName, filter: Filter, now: Moment): Action[];
    /** Ends the subscription of a space; its copy and its unsent writes stay. */
    close(space: SpaceName, now: Moment): Action[];
    /** Drops all that is known of a space, unsent writes too. */
    forget(space: SpaceName, now: Moment): Action[];
    /** Writes to a space. What it sends may go when the write is saved. Throws `WriteError`. */
    write(space: SpaceName, changes: readonly Change[], guards: readonly Guard[], now: Moment): readonly [push: PushId, actions: Action[]];
    /** Takes in a write that another replica of this device made, as if it were an own one. */
    adopt(pending: Pending, now: Moment): Action[];
    /** Asks whether the copy of a space equals the hub's. Whether the space is open. */
    verify(space: SpaceName, now: Moment): readonly [isOpen: boolean, actions: Action[]];
    /** Says something to those in a space now; nothing is kept. Throws `EphemeralError`. */
    signal(space: SpaceName, value: Value, now: Moment): Action[];
    /**
     * Shows a state to those in a space, now and in later sessions; none takes it back. Throws
     * `EphemeralError`.
     */
    presence(space: SpaceName, value: Value | undefined, now: Moment): Action[];
    /** Sends what the replica has to send. */
    pump(now: Moment): Action[];
}

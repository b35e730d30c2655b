import type { Change } from "./delta.js";
import type { Environment } from "./environment.js";
import type { Filter } from "./filter.js";
import type { Guard } from "./guard.js";
import { type SpaceName } from "./name.js";
import { type Replica } from "./replica.js";
import type { Ask } from "./role.js";
import type { Identity } from "./session/client/event.js";
import type { Address } from "./socket.js";
import { type Ack, Topics } from "./topics.js";
import type { Value } from "./value.js";
/** What a core is made of. */
export interface CoreOptions {
    readonly environment: Environment;
    readonly address: Address;
    readonly identity: Identity;
    readonly getToken: (() => string | Promise<string>) | undefined;
    /** The name under which copies are kept and tabs find each other; none for memory alone. */
    readonly name: string | undefined;
}
/** A write on its way. To drop it loses nothing: the write goes its way all the same. */
export interface Write {
    /** The push that carries it, as text. */
    readonly id: string;
    /** When it is kept on this device, where it survives a reload; at once without a store. */
    readonly whenSaved: Promise<void>;
    /** When the hub has it on its disk; fails with `AckError` when the hub refuses it. */
    readonly whenAcked: Promise<Ack>;
}
/** The client is closed. */
export declare class ClosedError extends Error {
    readonly name = "ClosedError";
    constructor();
}
export declare class Core {
    #private;
    readonly topics: Topics;
    constructor(options: CoreOptions);
    /** Finds a role: leads when nobody else does, or follows. */
    begin(): Promise<void>;
    /** What the app reads. */
    replica(): Replica;
    open(space: SpaceName, filter: Filter): void;
    close(space: SpaceName): void;
    forget(space: SpaceName): void;
    write(space: SpaceName, changes: readonly Change[], guards: readonly Guard[]): Write;
    presence(space: SpaceName, value: Value | undefined): void;
    ask(ask: Ask): void;
    saved(): Promise<void>;
    /** Whether this tab keeps the connection. */
    leads(): boolean;
    end(): Promise<void>;
}

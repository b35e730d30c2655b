import type { PushId } from "./delta.js";
import type { Environment } from "./environment.js";
import type { SpaceName } from "./name.js";
import { type Connection, type News, type SpaceStatus } from "./news.js";
import type { Store } from "./persist.js";
import { type Unsaved } from "./replica/saved.js";
import type { Replica } from "./replica.js";
import type { Ask, Role } from "./role.js";
import type { Identity } from "./session/client/event.js";
import { type Address } from "./socket.js";
/** What a lead is made of. */
export interface LeadOptions {
    readonly environment: Environment;
    readonly address: Address;
    readonly identity: Identity;
    /** Gives a token for each new connection, in the place of the identity's. */
    readonly getToken: (() => string | Promise<string>) | undefined;
    readonly replica: Replica;
    /** None to live in memory only. */
    readonly store: Store | undefined;
    /** Tells this tab's listeners, and those of other tabs. */
    readonly tell: (news: News) => void;
    /** Hands on what other tabs mirror; none when there can be none. */
    readonly replicate: ((unsaved: Unsaved) => void) | undefined;
}
/** The role of a tab that leads. */
export declare class Lead implements Role {
    #private;
    readonly replica: Replica;
    constructor(options: LeadOptions);
    /** Begins to connect. */
    begin(): void;
    /** How the connection stands. */
    connection(): Connection;
    statuses(): readonly (readonly [SpaceName, SpaceStatus])[];
    write(space: SpaceName, ...write: [Parameters<Role["write"]>[1], Parameters<Role["write"]>[2]]): PushId;
    ask(ask: Ask): void;
    /** Does what it is time for: timers sleep in pages that nobody looks at. */
    wake(): void;
    /** Keeps at once what would wait: the page may not live long. */
    hurry(): void;
    saved(): Promise<void>;
    end(): Promise<void>;
}

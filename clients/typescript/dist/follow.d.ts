import { type PushId } from "./delta.js";
import type { Environment } from "./environment.js";
import type { News } from "./news.js";
import { type Saved, type Unsaved } from "./replica/saved.js";
import type { Replica } from "./replica.js";
import type { Ask, Role } from "./role.js";
/** What a follower is made of. */
export interface FollowOptions {
    readonly environment: Environment;
    readonly replica: Replica;
    /** Asks the leading tab. */
    readonly send: (ask: Ask) => void;
    /** Waits until the leading tab has kept everything. */
    readonly kept: () => Promise<void>;
    /** Tells this tab's listeners. */
    readonly tell: (news: News) => void;
    readonly isLive: () => boolean;
}
/** The role of a tab that follows. */
export declare class Follow implements Role {
    #private;
    readonly replica: Replica;
    constructor(options: FollowOptions);
    /** Own writes that the leading tab may not know. */
    unconfirmed(): readonly Saved[];
    write(space: Parameters<Role["write"]>[0], ...rest: [Changes, Guards]): PushId;
    /** Hands an own write to the leading tab again: it may have died before it took it. */
    resend(id: PushId, bytes: Saved): void;
    ask(ask: Ask): void;
    saved(): Promise<void>;
    end(): Promise<void>;
    /** Applies what the leading tab has new. */
    apply(unsaved: Unsaved): void;
    /** Hears what the leading tab tells; what changed in the mirror it finds out by itself. */
    hear(news: News): void;
}
type Changes = Parameters<Role["write"]>[1];
type Guards = Parameters<Role["write"]>[2];
export {};

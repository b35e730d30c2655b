import type { Channel, Environment, Locks } from "./environment.js";
import type { DeviceId } from "./name.js";
import type { News } from "./news.js";
import type { HubLimits } from "./replica/limits.js";
import type { Unsaved } from "./replica/saved.js";
import type { Ask } from "./role.js";
/** All that a follower needs to begin. */
export interface LeadState {
    readonly device: DeviceId;
    readonly rows: Unsaved;
    readonly news: readonly News[];
    readonly limits: HubLimits;
    readonly offsetMs: number;
}
/** What happens to a tab among others. */
export interface TabEvents {
    /** This tab leads now. */
    readonly lead: () => Promise<void>;
    /** This tab follows now, or follows another one. */
    readonly follow: (state: LeadState) => void;
    readonly rows: (rows: Unsaved) => void;
    readonly news: (news: News) => void;
    /** The leading tab is asked: what to tell one that joins, .. */
    readonly state: () => LeadState;
    /** .. to do something for another tab, .. */
    readonly asked: (ask: Ask, from: string) => void;
    /** .. and to keep everything. */
    readonly keep: () => Promise<void>;
}
/** A tab among others. */
export declare class Tabs {
    #private;
    constructor(environment: Environment, channel: Channel, locks: Locks, names: {
        readonly name: string;
        readonly tab: string;
    }, events: TabEvents);
    /** Waits until this tab leads or follows. Fails when it should lead and cannot. */
    begin(): Promise<void>;
    /** Asks the leading tab; while there is none, the next one is told what matters when it leads. */
    ask(ask: Ask): void;
    /** Waits until the leading tab has kept everything that it was told so far. */
    keep(): Promise<void>;
    /** Tells the followers what is new. */
    spread(what: {
        readonly rows: Unsaved;
    } | {
        readonly news: News;
    }): void;
    /** Leaves: the next tab leads, if this one did. */
    end(): void;
}

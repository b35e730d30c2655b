// What the hub's routes answer, as `/hub/v1/openapi.json` describes it. Only shapes.

export interface Whoami {
  readonly account: string;
  readonly admin: boolean;
  readonly token: string | null;
  readonly session: boolean;
  readonly expires_ms: number | null;
}

export interface Stats {
  readonly version: string;
  readonly hub_ms: number;
  readonly writable: boolean;
  readonly draining: boolean;
  readonly sessions: number;
  readonly users: number;
  readonly spaces: number;
  readonly records: number;
  readonly record_bytes: number;
  readonly log_entries: number;
  readonly conflict_bytes: number;
  readonly store_bytes: number | null;
  readonly journal_bytes: number;
  readonly deltas_in: number;
  readonly deltas_out: number;
  readonly conflicts: number;
  readonly catch_ups: number;
  readonly slow_consumers: number;
}

export interface Latency {
  readonly count: number;
  readonly sum: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly buckets: readonly { readonly seconds_max: number; readonly count: number }[];
}

export interface Problem {
  readonly code: string;
  readonly text: string;
}

export interface Overview {
  readonly stats: Stats;
  readonly commit: Latency;
  readonly fsync: Latency;
  readonly checkpoint: Latency;
  readonly delivery: Latency;
  readonly rejects: Readonly<Record<string, number>>;
  readonly problems: readonly Problem[];
}

export type Role = "owner" | "writer" | "reader";

export const ROLES: readonly Role[] = ["owner", "writer", "reader"];

export interface SpaceInfo {
  readonly name: string;
  readonly owner: string;
  readonly role: Role;
  readonly epoch: string;
  readonly sequence: number;
  readonly log_entries: number;
  readonly records: number;
  readonly bytes: number;
  readonly conflict_bytes: number;
  readonly restored_ms: number | null;
}

export interface CollectionInfo {
  readonly name: string;
  readonly records: number;
  readonly fields: number;
  readonly bytes: number;
  readonly tombstones: number;
}

export interface Member {
  readonly user: string;
  readonly role: Role;
}

export interface SpaceDetails extends SpaceInfo {
  readonly collections: readonly CollectionInfo[];
  readonly members: readonly Member[];
}

export type Verdict = "allow" | "deny";

/** Three patterns, each a value or its beginning and `*`, and what holds for what they match. */
export interface AccessRule {
  readonly principal: string;
  readonly item: string;
  readonly action: string;
  readonly verdict: Verdict;
}

export interface Explanation {
  readonly verdict: Verdict;
  readonly by: "owner" | "rule" | "role" | "no_member";
  readonly role: Role | null;
  readonly rule: AccessRule | null;
}

export interface Device {
  readonly device: string;
  readonly name: string;
  readonly account: string;
  readonly replica: string;
  readonly last_ms: number;
  readonly clock_offset_ms: number;
  readonly online: boolean;
  readonly spaces: readonly {
    readonly space: string;
    readonly sequence: number;
    readonly behind: number;
  }[];
}

export interface SessionInfo {
  readonly id: number;
  readonly account: string;
  readonly token: string | null;
  readonly device: string;
  readonly name: string;
  readonly replica: string;
  readonly address: string;
  readonly opened_ms: number;
}

export interface Writer {
  readonly stamp: string;
  readonly account: string | null;
  readonly device: string | null;
  readonly name: string | null;
}

export interface Conflict {
  readonly id: string;
  readonly collection: string;
  readonly key: string;
  readonly field: string;
  readonly value?: unknown;
  readonly dropped: boolean;
  readonly at_ms: number;
  readonly loser: Writer;
  readonly winner: Writer;
  readonly current?: unknown;
  readonly restored: boolean;
}

export interface User {
  readonly name: string;
  readonly admin: boolean;
  readonly password: boolean;
  readonly tokens: number;
  readonly created_ms: number;
}

export interface Token {
  readonly id: string;
  readonly user: string;
  readonly label: string;
  readonly role: Role;
  readonly spaces: readonly string[];
  readonly created_ms: number;
  readonly expires_ms: number | null;
  readonly session: boolean;
  readonly parent: string | null;
}

export interface Rejected {
  readonly at_ms: number;
  readonly principal: string;
  readonly code: string;
  readonly text: string;
}

export interface Setting {
  readonly name: string;
  readonly variable: string;
  readonly value: string | null;
  readonly default: string | null;
  readonly about: string;
}

export interface Shown {
  readonly collection: string;
  readonly key: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

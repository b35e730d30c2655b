import { type Brand, type ReplicaId } from "./name.js";
/** Milliseconds since 1970-01-01 UTC and a counter, packed as `millis << 16 | counter`. */
export type HlcTime = Brand<bigint, "HlcTime">;
/** When and by which replica something was written: 32 hexadecimal digits. */
export type Stamp = Brand<string, "Stamp">;
/** Before every stamp. */
export declare const HLC_ZERO: HlcTime;
/** Greatest milliseconds that a stamp can carry: 48 bits. */
export declare const MILLIS_MAX: number;
/** The first moment of a millisecond; later than 48 bits counts as the last one. */
export declare function hlcFromMillis(millis: number): HlcTime;
/** The milliseconds of a time. */
export declare function millisOf(time: HlcTime): number;
/** The later of two times. */
export declare function laterOf(a: HlcTime, b: HlcTime): HlcTime;
/** A stamp of its two parts. */
export declare function stampOf(time: HlcTime, replica: ReplicaId): Stamp;
/** From 32 hexadecimal digits; none when they are not a stamp, or the replica id is zero. */
export declare function stampFromHex(text: string): Stamp | undefined;
/** When a stamp was made. */
export declare function timeOf(stamp: Stamp): HlcTime;
/** Who made a stamp. */
export declare function replicaOf(stamp: Stamp): ReplicaId;
/** By how many milliseconds a time lies too far ahead of `nowMs`; zero when it does not. */
export declare function driftOf(time: HlcTime, nowMs: number, driftMsMax: number): number;
/** A hybrid logical clock: it never goes back, and never gives one time twice. */
export interface Clock {
    /** The greatest time given or observed so far; persist it to start after it. */
    readonly last: () => HlcTime;
    /** The next time, told that the wall shows `nowMs`. */
    readonly tick: (nowMs: number) => HlcTime;
    /** Moves past a time received from elsewhere; who calls has checked its drift. */
    readonly observe: (time: HlcTime) => void;
    /** Moves past a time from elsewhere unless it runs ahead; whether it moved or need not. */
    readonly observeWithin: (time: HlcTime, nowMs: number, driftMsMax: number) => boolean;
}
/** A clock that has seen nothing later than `last`. */
export declare function createClock(startAfter?: HlcTime): Clock;

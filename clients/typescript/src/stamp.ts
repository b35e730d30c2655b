// Stamps and the hybrid logical clock that makes them.
//
//   byte  0        6      8                16
//         +--------+------+----------------+
//         | millis | count|   replica id   |   big-endian
//         +--------+------+----------------+
//
// A stamp is kept as its 32 hexadecimal digits, which sort as stamps do. The clock never reads the
// time: it is told. After Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks"
// (2014); milliseconds and counter are one number, so that a full counter carries by itself.

import { type Brand, idOf, type ReplicaId } from "./name.js";

/** Milliseconds since 1970-01-01 UTC and a counter, packed as `millis << 16 | counter`. */
export type HlcTime = Brand<bigint, "HlcTime">;

/** When and by which replica something was written: 32 hexadecimal digits. */
export type Stamp = Brand<string, "Stamp">;

/** Before every stamp. */
export const HLC_ZERO = 0n as HlcTime;

/** Greatest milliseconds that a stamp can carry: 48 bits. */
export const MILLIS_MAX = 2 ** 48 - 1;

const BITS_MAX = 2n ** 64n - 1n;
const NOBODY = "0000000000000000";

/** The first moment of a millisecond; later than 48 bits counts as the last one. */
export function hlcFromMillis(millis: number): HlcTime {
  return (BigInt(Math.min(Math.max(millis, 0), MILLIS_MAX)) << 16n) as HlcTime;
}

/** The milliseconds of a time. */
export function millisOf(time: HlcTime): number {
  return Number(time >> 16n);
}

/** The later of two times. */
export function laterOf(a: HlcTime, b: HlcTime): HlcTime {
  return a > b ? a : b;
}

/** A stamp of its two parts. */
export function stampOf(time: HlcTime, replica: ReplicaId): Stamp {
  return (idOf(time) + replica) as Stamp;
}

/** From 32 hexadecimal digits; none when they are not a stamp, or the replica id is zero. */
export function stampFromHex(text: string): Stamp | undefined {
  const isStamp = /^[0-9a-f]{32}$/.test(text) && !text.endsWith(NOBODY);
  return isStamp ? (text as Stamp) : undefined;
}

/** When a stamp was made. */
export function timeOf(stamp: Stamp): HlcTime {
  return BigInt(`0x${stamp.slice(0, 16)}`) as HlcTime;
}

/** Who made a stamp. */
export function replicaOf(stamp: Stamp): ReplicaId {
  return stamp.slice(16) as ReplicaId;
}

/** By how many milliseconds a time lies too far ahead of `nowMs`; zero when it does not. */
export function driftOf(time: HlcTime, nowMs: number, driftMsMax: number): number {
  const aheadMs = Math.max(0, millisOf(time) - nowMs);
  return aheadMs > driftMsMax ? aheadMs : 0;
}

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
export function createClock(startAfter: HlcTime = HLC_ZERO): Clock {
  let last = startAfter;
  const observe = (time: HlcTime): void => {
    last = laterOf(last, time);
  };
  return {
    last: () => last,
    tick(nowMs) {
      const next = (last >= BITS_MAX ? BITS_MAX : last + 1n) as HlcTime;
      last = laterOf(next, hlcFromMillis(nowMs));
      return last;
    },
    observe,
    observeWithin(time, nowMs, driftMsMax) {
      if (driftOf(time, nowMs, driftMsMax) > 0) {
        return false;
      }
      observe(time);
      return true;
    },
  };
}

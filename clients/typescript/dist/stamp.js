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
import { idOf } from "./name.js";
/** Before every stamp. */
export const HLC_ZERO = 0n;
/** Greatest milliseconds that a stamp can carry: 48 bits. */
export const MILLIS_MAX = 2 ** 48 - 1;
const BITS_MAX = 2n ** 64n - 1n;
const NOBODY = "0000000000000000";
/** The first moment of a millisecond; later than 48 bits counts as the last one. */
export function hlcFromMillis(millis) {
    return (BigInt(Math.min(Math.max(millis, 0), MILLIS_MAX)) << 16n);
}
/** The milliseconds of a time. */
export function millisOf(time) {
    return Number(time >> 16n);
}
/** The later of two times. */
export function laterOf(a, b) {
    return a > b ? a : b;
}
/** A stamp of its two parts. */
export function stampOf(time, replica) {
    return (idOf(time) + replica);
}
/** From 32 hexadecimal digits; none when they are not a stamp, or the replica id is zero. */
export function stampFromHex(text) {
    const isStamp = /^[0-9a-f]{32}$/.test(text) && !text.endsWith(NOBODY);
    return isStamp ? text : undefined;
}
/** When a stamp was made. */
export function timeOf(stamp) {
    return BigInt(`0x${stamp.slice(0, 16)}`);
}
/** Who made a stamp. */
export function replicaOf(stamp) {
    return stamp.slice(16);
}
/** By how many milliseconds a time lies too far ahead of `nowMs`; zero when it does not. */
export function driftOf(time, nowMs, driftMsMax) {
    const aheadMs = Math.max(0, millisOf(time) - nowMs);
    return aheadMs > driftMsMax ? aheadMs : 0;
}
/** A clock that has seen nothing later than `last`. */
export function createClock(startAfter = HLC_ZERO) {
    let last = startAfter;
    const observe = (time) => {
        last = laterOf(last, time);
    };
    return {
        last: () => last,
        tick(nowMs) {
            const next = (last >= BITS_MAX ? BITS_MAX : last + 1n);
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

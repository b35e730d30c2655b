// What a client takes from the world around it: clocks, chance, timers, sockets, storage, tabs.
//
// Everything may be handed in, so that a test can stand in for the world; what is not comes from
// the platform. What a platform lacks stays absent, and the client does without.
import { openWebSocket } from "#websocket";
/** Longest delay that timers take without wrapping around, in milliseconds. */
const DELAY_MS_MAX = 2 ** 31 - 1;
/** The platform's own world, with what is handed in in its place. */
export function environmentOf(given = {}) {
    const { BroadcastChannel: Tabs, indexedDB, navigator, window } = globalThis;
    // Node has channels, but nobody's tabs: only a page shares its connection.
    const hasTabs = window !== undefined && Tabs !== undefined;
    return {
        now: () => Date.now(),
        steady: () => Math.floor(performance.now()),
        random: () => crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n,
        later: (run, delayMs) => {
            const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), DELAY_MS_MAX));
            return () => clearTimeout(timer);
        },
        openWebSocket,
        fetch: globalThis.fetch?.bind(globalThis),
        indexedDB,
        locks: navigator?.locks,
        openChannel: hasTabs ? (name) => new Tabs(name) : undefined,
        watch,
        ...given,
    };
}
function watch(happened) {
    if (typeof addEventListener !== "function" || typeof document === "undefined") {
        return () => undefined;
    }
    const online = () => happened("online");
    const looked = () => happened(document.visibilityState === "visible" ? "visible" : "hidden");
    const left = () => happened("hidden");
    addEventListener("online", online);
    addEventListener("pagehide", left);
    document.addEventListener("visibilitychange", looked);
    return () => {
        removeEventListener("online", online);
        removeEventListener("pagehide", left);
        document.removeEventListener("visibilitychange", looked);
    };
}

// The closed table of refusals: every way in which a hub says no, and why sessions close.
//
// Only these codes travel. A word, once given, keeps its meaning for ever; programs decide by the
// word alone, people read the sentence.
const again = (close, advice) => ({ isRetryable: true, close, advice });
const final = (close, advice) => ({ isRetryable: false, close, advice });
/** Every code, in the order of the protocol's table. */
export const CODES = {
    /** A message that breaks the protocol. */
    malformed: final(1002, "Send messages as PROTOCOL.md describes them."),
    /** A text that is not UTF-8. */
    not_utf8: final(1007, "Send texts as UTF-8."),
    /** Something larger than a limit. */
    too_large: final(1009, "Split or shrink what you send: the welcome message names the limits."),
    /** A version that the hub does not speak. */
    unsupported_version: final(4400, "Use a client and a hub of the same protocol version."),
    /** A credential that is wrong, expired or revoked. */
    unauthorized: final(4401, "Connect with a valid token; an owner or admin can make one."),
    /** A right that the principal does not have. */
    forbidden: final(4403, "Ask an owner of the space for the right to do this."),
    /** A space that does not exist, or that the principal may not know of. */
    unknown_space: final(4404, "Create the space, or check the spelling of its name."),
    /** No hello within the time allowed. */
    hello_timeout: again(4408, "Send hello right after the connection opens."),
    /** Nothing heard for too long. */
    idle: again(4408, "Answer heartbeats, or send ping from time to time; then connect again."),
    /** Another session of this device took over. */
    replaced: final(4409, "Use one session a device, or wait until the other one ends."),
    /** A stamp too far ahead of the hub's clock. */
    clock_drift: again(4410, "Correct the clock by the hub's time, stamp the writes anew and push again."),
    /** The hub's own clock has fallen back. */
    clock_back: again(4411, "The hub's operator sets its clock right, or waits until it has caught up."),
    /** A stamp under a replica id that belongs to someone else. */
    foreign_stamp: final(4412, "Draw a new replica id and stamp your own writes with it."),
    /** A write older than a purged delete, on a record that does not exist. */
    expired: again(4413, "Stamp anew what you created yourself, drop the rest, and push again."),
    /** A guard that does not hold. */
    guard_failed: final(4414, "Read the record again and decide anew."),
    /** A collection of the hub's own. */
    reserved: final(4415, "Use a collection whose name does not begin with a dot."),
    /** A rule of the space refused the push. */
    refused: final(4416, "Change the write as the text of this refusal says."),
    /** The space is full. */
    quota_exceeded: final(4417, "Delete what is no longer needed, or ask the operator for a larger quota."),
    /** Too many requests in a time. */
    rate_limited: again(4429, "Slow down and try again in a few seconds."),
    /** More of something than a session, a user or an address may have. */
    too_many: again(4430, "Close or leave something you no longer need, then try again."),
    /** The hub has more to do than it can queue. */
    busy: again(1013, "Try again in a few seconds."),
    /** The store cannot write. */
    unavailable: again(1013, "The hub's operator looks at its log and disk; try again later."),
    /** A place in a log that no longer exists. */
    unknown_cursor: final(4418, "Start again from a snapshot, or follow from the current end."),
    /** Something that exists already. */
    exists: final(4419, "Choose another name, or use what exists."),
    /** Something that does not exist. */
    not_found: final(4404, "Check the name or id."),
    /** The hub is shutting down or restarting. */
    going_away: again(1001, "Connect again after the time given."),
    /** The hub failed in a way of its own. */
    internal: again(1011, "Try again; the hub's log tells its operator what happened."),
};
/** The code for a word; a newer hub may know more words, which read as an internal refusal. */
export function codeFromWord(word) {
    return Object.hasOwn(CODES, word) ? word : "internal";
}
/** Whether asking again can succeed. */
export function isRetryable(code) {
    return CODES[code].isRetryable;
}
/** A refusal that says what is wrong; what to do follows from the code. */
export function toReject(code, what) {
    return { code, text: `${what}. ${CODES[code].advice}`, index: undefined };
}

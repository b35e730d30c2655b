// What a replica tells the app, and why it refuses a write. Only words, no behaviour.
import { compareText } from "../sorted.js";
/** Why a write was not taken into the outbox; the text says what to do. */
export class WriteError extends Error {
    name = "WriteError";
    reason;
    constructor(reason, text) {
        super(text);
        this.reason = reason;
    }
}
/** A record's name as one text. No name holds a control character, so that it sorts as names do. */
export function nameIdOf({ collection, key }) {
    return `${collection}\0${key}`;
}
/** Names, each once, in order. */
export function sortNames(names) {
    const unique = new Map();
    for (const name of names) {
        unique.set(nameIdOf(name), { collection: name.collection, key: name.key });
    }
    const sorted = [...unique].sort(([a], [b]) => compareText(a, b));
    return sorted.map(([, name]) => name);
}
/** The records that a push touches, each once, in order. */
export function namesOf(push) {
    return sortNames(push.deltas);
}

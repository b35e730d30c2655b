// What goes in and out of a client's session. Only words, no behaviour.
/** Why a signal or a presence was not sent. */
export class EphemeralError extends Error {
    name = "EphemeralError";
    reason;
    constructor(reason, text) {
        super(text);
        this.reason = reason;
    }
}

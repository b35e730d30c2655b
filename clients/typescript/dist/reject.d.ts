interface CodeRow {
    /** Whether asking again can succeed. */
    readonly isRetryable: boolean;
    /** The WebSocket close code (RFC 6455, section 7.4) when a session ends for this. */
    readonly close: number;
    /** What to do about it. */
    readonly advice: string;
}
/** Every code, in the order of the protocol's table. */
export declare const CODES: {
    /** A message that breaks the protocol. */
    readonly malformed: CodeRow;
    /** A text that is not UTF-8. */
    readonly not_utf8: CodeRow;
    /** Something larger than a limit. */
    readonly too_large: CodeRow;
    /** A version that the hub does not speak. */
    readonly unsupported_version: CodeRow;
    /** A credential that is wrong, expired or revoked. */
    readonly unauthorized: CodeRow;
    /** A right that the principal does not have. */
    readonly forbidden: CodeRow;
    /** A space that does not exist, or that the principal may not know of. */
    readonly unknown_space: CodeRow;
    /** No hello within the time allowed. */
    readonly hello_timeout: CodeRow;
    /** Nothing heard for too long. */
    readonly idle: CodeRow;
    /** Another session of this device took over. */
    readonly replaced: CodeRow;
    /** A stamp too far ahead of the hub's clock. */
    readonly clock_drift: CodeRow;
    /** The hub's own clock has fallen back. */
    readonly clock_back: CodeRow;
    /** A stamp under a replica id that belongs to someone else. */
    readonly foreign_stamp: CodeRow;
    /** A write older than a purged delete, on a record that does not exist. */
    readonly expired: CodeRow;
    /** A guard that does not hold. */
    readonly guard_failed: CodeRow;
    /** A collection of the hub's own. */
    readonly reserved: CodeRow;
    /** A rule of the space refused the push. */
    readonly refused: CodeRow;
    /** The space is full. */
    readonly quota_exceeded: CodeRow;
    /** Too many requests in a time. */
    readonly rate_limited: CodeRow;
    /** More of something than a session, a user or an address may have. */
    readonly too_many: CodeRow;
    /** The hub has more to do than it can queue. */
    readonly busy: CodeRow;
    /** The store cannot write. */
    readonly unavailable: CodeRow;
    /** A place in a log that no longer exists. */
    readonly unknown_cursor: CodeRow;
    /** Something that exists already. */
    readonly exists: CodeRow;
    /** Something that does not exist. */
    readonly not_found: CodeRow;
    /** The hub is shutting down or restarting. */
    readonly going_away: CodeRow;
    /** The hub failed in a way of its own. */
    readonly internal: CodeRow;
};
/** A refusal's code. */
export type Code = keyof typeof CODES;
/** A refusal: a code for programs, a text for people. */
export interface Reject {
    readonly code: Code;
    /** What is wrong here, and what to do. */
    readonly text: string;
    /** Which delta of a push is at fault, counted from 0, when it is one. */
    readonly index: number | undefined;
}
/** The code for a word; a newer hub may know more words, which read as an internal refusal. */
export declare function codeFromWord(word: string): Code;
/** Whether asking again can succeed. */
export declare function isRetryable(code: Code): boolean;
/** A refusal that says what is wrong; what to do follows from the code. */
export declare function toReject(code: Code, what: string): Reject;
export {};

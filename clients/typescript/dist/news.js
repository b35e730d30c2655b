// What an app may hear of, whichever tab keeps the connection. Only words, no behaviour.
/** Of a space that nothing is known of. */
export const UNKNOWN_STATUS = {
    isLive: false,
    isWritable: undefined,
    progress: undefined,
    ended: undefined,
};
/** The notice that an event is, if it is one. */
export function noticeOf(news) {
    switch (news.type) {
        case "rejected":
        case "conflict":
        case "diverged":
        case "subscription_ended":
        case "store_lost":
            return news;
        default:
            return undefined;
    }
}

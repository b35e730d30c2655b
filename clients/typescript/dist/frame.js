// Every message that either side may send; the protocol's book has their bytes.
/** The WebSocket subprotocol. */
export const SUBPROTOCOL = "syncline.v1";
/** The version that hello names. */
export const VERSION = 1;

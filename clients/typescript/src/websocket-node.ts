// The WebSocket of Node, which has none of its own before version 22: the package `ws`.

import { WebSocket } from "ws";
import type { OpenWebSocket, WebSocketLike } from "./websocket.js";

/** Longest message that is taken, in bytes: what the protocol asks clients to allow. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export const openWebSocket: OpenWebSocket = (url, protocol) => {
  const options = { maxPayload: MESSAGE_BYTES_MAX, perMessageDeflate: false };
  return new WebSocket(url, protocol, options) as unknown as WebSocketLike;
};

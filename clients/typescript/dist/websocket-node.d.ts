import type { OpenWebSocket } from "./websocket.js";
export declare const openWebSocket: OpenWebSocket;

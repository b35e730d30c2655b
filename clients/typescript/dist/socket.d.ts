import type { OpenWebSocket } from "./websocket.js";
/** The door of a hub. */
export interface Address {
    /** Where the WebSocket is. */
    readonly socket: string;
    /** Where the routes over HTTP begin. */
    readonly http: string;
}
/** Not the address of a hub. */
export declare class AddressError extends Error {
    readonly name = "AddressError";
}
/** What a socket tells; nothing any more once it was closed from this side. */
export interface SocketEvents {
    readonly opened: () => void;
    readonly received: (bytes: Uint8Array) => void;
    readonly closed: (reason: string) => void;
}
/** A connection, open or on its way. */
export interface Socket {
    readonly send: (bytes: Uint8Array<ArrayBuffer>) => void;
    readonly close: () => void;
}
/** Reads the address of a hub: ws, wss, http or https, a host, perhaps a port and a path. */
export declare function toAddress(url: string): Address;
/** Opens a connection. */
export declare function openSocket({ socket: url }: Address, open: OpenWebSocket, events: SocketEvents): Socket;

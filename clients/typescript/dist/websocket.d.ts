/** What the client needs of a WebSocket: the browser's own interface, and no more of it. */
export interface WebSocketLike {
    binaryType: string;
    readonly bufferedAmount: number;
    onopen: (() => void) | null;
    onmessage: ((event: {
        readonly data: unknown;
    }) => void) | null;
    onclose: ((event: {
        readonly code: number;
        readonly reason: string;
    }) => void) | null;
    onerror: ((event: unknown) => void) | null;
    send: (bytes: Uint8Array<ArrayBuffer>) => void;
    close: (code?: number, reason?: string) => void;
}
/** Begins to open a WebSocket. */
export type OpenWebSocket = (url: string, protocol: string) => WebSocketLike;
export declare const openWebSocket: OpenWebSocket;

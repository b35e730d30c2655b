// The WebSocket of a browser, which every browser has. Node's is in the room beside this one.
export const openWebSocket = (url, protocol) => new WebSocket(url, protocol);

// From a hub's address to a WebSocket, and its life told in four words.
//
// It makes one attempt and says what went wrong; when to try again is the session's business.

import { SUBPROTOCOL } from "./frame.js";
import type { OpenWebSocket } from "./websocket.js";

/** The door of a hub. */
export interface Address {
  /** Where the WebSocket is. */
  readonly socket: string;
  /** Where the routes over HTTP begin. */
  readonly http: string;
}

/** Not the address of a hub. */
export class AddressError extends Error {
  override readonly name = "AddressError";
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
export function toAddress(url: string): Address {
  const wrong = (): AddressError => {
    const text = "use ws://, wss://, http:// or https:// and a host, without a token in it";
    return new AddressError(`"${url}" is not the address of a hub; ${text}`);
  };
  if (!URL.canParse(url)) {
    throw wrong();
  }
  const { protocol, host, pathname, search, hash, username } = new URL(url);
  const isKnown = ["ws:", "wss:", "http:", "https:"].includes(protocol);
  if (!isKnown || host === "" || username !== "" || search !== "" || hash !== "") {
    throw wrong();
  }
  const secure = protocol === "wss:" || protocol === "https:" ? "s" : "";
  const base = `${host}${pathname.replace(/\/+$/, "").replace(/\/ws$/, "")}`;
  return { socket: `ws${secure}://${base}/ws`, http: `http${secure}://${base}` };
}

/** Opens a connection. */
export function openSocket(
  { socket: url }: Address,
  open: OpenWebSocket,
  events: SocketEvents,
): Socket {
  let isOver = false;
  const end = (reason: string): void => {
    if (!isOver) {
      isOver = true;
      events.closed(reason);
    }
  };
  const socket = open(url, SUBPROTOCOL);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => (isOver ? undefined : events.opened());
  socket.onclose = ({ code, reason }) => {
    const why = reason === "" ? "" : `: ${reason}`;
    end(
      code === 1006 ? `${url} cannot be reached` : `the hub closed the connection (${code})${why}`,
    );
  };
  // Browsers tell nothing of use here, and a close always follows.
  socket.onerror = () => undefined;
  socket.onmessage = ({ data }) => {
    if (isOver) {
      return;
    }
    if (typeof data === "string") {
      end("the hub sent a text, which is no part of the protocol");
      socket.close();
    } else {
      events.received(new Uint8Array(data as ArrayBuffer));
    }
  };
  return {
    send: (bytes) => {
      if (!isOver) {
        socket.send(bytes);
      }
    },
    close: () => {
      isOver = true;
      socket.close(1000);
    },
  };
}

// Who looks at the page, and the client that keeps their copies.
//
//   starting -- the hub knows the browser ------> in
//      |------- it does not --------------------> out -- logs in --> in
//      '------- it does not answer -------------> in, as whoever was here last; else unreachable
//   in -------- the hub refuses the session ----> out, with the reason
//
// Being out hides the data and keeps it: writes that wait are sent after the next log-in.

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { type Client, connect, deleteLocalData } from "syncline";
import { forgetAnswers } from "./answer";
import { ask, HubError, onUnauthorized, wordsOf } from "./request";
import type { Whoami } from "./shapes";
import { browserName } from "./words";

/** A person who is logged in. */
export interface Session {
  readonly who: Whoami;
  readonly client: Client;
  /** Forgets on this device what belongs to this person, and logs out. */
  readonly logOut: () => Promise<void>;
}

/** What a person shows to log in. */
export type Login =
  | { readonly token: string }
  | { readonly name: string; readonly password: string };

export type Phase =
  | { readonly type: "starting" }
  | { readonly type: "unreachable"; readonly text: string }
  | { readonly type: "out"; readonly why: string | undefined }
  | { readonly type: "in"; readonly session: Session };

const LAST = "syncline account";
const Context = createContext<Session | undefined>(undefined);

/** The session of whoever is logged in: for everything below `SessionRoom`. */
export function useSession(): Session {
  const session = useContext(Context);
  if (session === undefined) {
    throw new Error("nobody is logged in here");
  }
  return session;
}

export function SessionRoom(props: { readonly session: Session; readonly children: ReactNode }) {
  return <Context value={props.session}>{props.children}</Context>;
}

/** Where a person stands, and the way in. */
export function useFrontDoor(): {
  readonly phase: Phase;
  readonly logIn: (login: Login) => Promise<void>;
  readonly start: () => void;
} {
  const [phase, setPhase] = useState<Phase>({ type: "starting" });
  const door = useMemo(() => createDoor(setPhase), []);
  useEffect(() => {
    void door.start();
    return onUnauthorized(door.refused);
  }, [door]);
  return { phase, logIn: door.logIn, start: door.start };
}

function createDoor(tell: (phase: Phase) => void) {
  let open: { readonly account: string; readonly client: Client } | undefined;
  let starting: Promise<void> | undefined;
  let isOut = false;

  const refused = (why: string): void => {
    isOut = true;
    tell({ type: "out", why });
  };

  const logOut = async (): Promise<void> => {
    const client = open?.client;
    open = undefined;
    await client?.close();
    await ask("DELETE /session").catch(() => undefined);
    const account = lastSeen()?.account;
    localStorage.removeItem(LAST);
    if (account !== undefined) {
      await deleteLocalData({ url: location.origin, store: account }).catch(() => undefined);
    }
    forgetAnswers();
    tell({ type: "out", why: undefined });
  };

  const enter = async (who: Whoami): Promise<void> => {
    localStorage.setItem(LAST, JSON.stringify(who));
    if (open?.account !== who.account) {
      await open?.client.close();
      forgetAnswers();
      open = { account: who.account, client: await openClient(who.account) };
      watch(open.client);
    } else if (open.client.connection().type !== "live") {
      // An empty token: the browser's cookie says who this is.
      open.client.setToken("");
      open.client.start();
    }
    isOut = false;
    tell({ type: "in", session: { who, client: open.client, logOut } });
  };

  const watch = (client: Client): void => {
    client.onConnection((connection) => {
      if (open?.client !== client) {
        return;
      }
      if (connection.type === "needs-auth") {
        refused(connection.reason.text);
      } else if (connection.type === "live" && isOut) {
        // Another tab has logged in.
        void start();
      }
    });
  };

  const begin = async (): Promise<void> => {
    try {
      await enter(await ask<Whoami>("GET /session"));
    } catch (error) {
      const last = lastSeen();
      if (error instanceof HubError && error.status === 401) {
        tell({ type: "out", why: undefined });
      } else if (last === undefined || error instanceof HubError) {
        tell({ type: "unreachable", text: wordsOf(error) });
      } else {
        await enter(last).catch((failed) => tell({ type: "unreachable", text: wordsOf(failed) }));
      }
    }
  };

  const start = (): Promise<void> => {
    starting ??= begin().finally(() => {
      starting = undefined;
    });
    return starting;
  };

  const logIn = async (login: Login): Promise<void> => {
    await enter(await ask<Whoami>("POST /session", login));
  };

  return { start, logIn, refused };
}

function openClient(account: string): Promise<Client> {
  return connect({
    url: location.origin,
    token: "",
    deviceName: `dashboard, ${browserName(navigator.userAgent)}`,
    store: account,
  });
}

function lastSeen(): Whoami | undefined {
  const text = localStorage.getItem(LAST);
  return text === null ? undefined : (JSON.parse(text) as Whoami);
}

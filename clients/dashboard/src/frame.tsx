// What stands around every page: the navigation, how the connection stands, who one is.

import { useEffect, useState, useSyncExternalStore } from "react";
import { useConnection } from "syncline/react";
import { useGatewaysOff } from "./hub/gateways";
import { useSession } from "./hub/session";
import { counted } from "./hub/words";
import { PAGES, type PageEntry } from "./pages";
import { Icon, Mark } from "./parts/icon";
import { Empty } from "./parts/states";
import { href, useRoute } from "./route";
import { useUndoKey } from "./spaces/undo";

const GATEWAYS = PAGES.map(({ gateway }) => gateway).filter((name) => name !== undefined);

export function Frame() {
  const { who } = useSession();
  const [id] = useRoute();
  const off = useGatewaysOff(GATEWAYS);
  const pages = PAGES.filter(({ isForAdmins, gateway = "" }) => {
    return (who.admin || !isForAdmins) && !off.includes(gateway);
  });
  const current = id === undefined ? pages[0] : pages.find((page) => page.id === id);
  useUndoKey();
  useEffect(() => {
    document.title = current === undefined ? "Syncline" : `${current.title} – Syncline`;
  }, [current]);
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="side">
        <a className="brand" href={href()}>
          <Mark /> Syncline
        </a>
        <Navigation pages={pages} current={current} />
        <Standing />
        <Account />
      </header>
      <main id="main" className="page" tabIndex={-1}>
        <Away />
        {current === undefined ? (
          <Empty title="There is no such page">
            <p>
              <a href={href()}>Back to the beginning</a>
            </p>
          </Empty>
        ) : (
          <current.Page />
        )}
      </main>
    </div>
  );
}

function Navigation(props: {
  readonly pages: readonly PageEntry[];
  readonly current: PageEntry | undefined;
}) {
  return (
    <nav className="navigation" aria-label="Pages">
      {props.pages.map((page) => (
        <a
          key={page.id}
          href={href(page.id)}
          aria-current={page === props.current ? "page" : undefined}
        >
          <Icon name={page.icon} />
          <span>{page.title}</span>
        </a>
      ))}
    </nav>
  );
}

const STANDING = {
  connecting: "Connecting",
  live: "Live",
  offline: "Offline",
  "needs-auth": "Logged out",
  stopped: "Stopped",
} as const;

/** How the connection stands, in one word. */
function Standing() {
  const { client } = useSession();
  const { type } = useConnection(client);
  const waiting = useSyncExternalStore(client.onWaiting, client.waiting);
  const isAlone = useSyncExternalStore(client.onConnection, client.leads);
  const title = isAlone ? "This tab keeps the connection" : "Another tab keeps the connection";
  return (
    <p className={`standing ${type}`} role="status" title={title} data-leads={isAlone}>
      <i className="dot" />
      {STANDING[type]}
      {waiting > 0 && <span className="waiting">{counted(waiting, "change")} to send</span>}
    </p>
  );
}

function Account() {
  const { who, client, logOut } = useSession();
  const leave = (): void => {
    const waiting = client.waiting();
    const what = `${counted(waiting, "change")} would be lost: the hub does not have them yet.`;
    if (waiting === 0 || confirm(`${what} Log out all the same?`)) {
      void logOut();
    }
  };
  return (
    <div className="account">
      <span>
        {who.account}
        {who.admin && <em className="tag">admin</em>}
      </span>
      <button type="button" className="icon-button" aria-label="Log out" onClick={leave}>
        <Icon name="leave" />
      </button>
    </div>
  );
}

/** A bar across the page while the hub is away: what still works, and when it is tried again. */
function Away() {
  const { client } = useSession();
  const connection = useConnection(client);
  const now = useSeconds(connection.type === "offline");
  if (connection.type === "stopped") {
    return (
      <p className="away" role="status">
        <span>
          <strong>The connection was ended.</strong>{" "}
          {connection.reason?.text ?? "This page is on its own."}
        </span>
        <button type="button" className="button small" onClick={() => client.start()}>
          Connect again
        </button>
      </p>
    );
  }
  if (connection.type !== "offline" || connection.reason === undefined) {
    return null;
  }
  const wait_s = Math.max(Math.ceil((connection.nextTryAt - now) / 1000), 0);
  return (
    <p className="away" role="status">
      <span>
        <strong>The hub is away.</strong> Spaces can be read and written: changes are kept on this
        device and sent when it is back. Next try {wait_s > 0 ? `in ${wait_s} s` : "now"}.
      </span>
      <button type="button" className="button small" onClick={() => client.retryNow()}>
        Try now
      </button>
    </p>
  );
}

/** The time, once a second, while somebody needs it. */
function useSeconds(isNeeded: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isNeeded) {
      return;
    }
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [isNeeded]);
  return now;
}

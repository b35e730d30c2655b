// What is read on e-readers, live: books, devices, how to connect; and for admins who may.

import "./reading.css";
import type { ReactNode } from "react";
import { useSession } from "../hub/session";
import { Empty, Failed, Loading } from "../parts/states";
import { Accounts } from "./accounts";
import { BookPage } from "./book";
import { Connect } from "./connect";
import { Devices } from "./devices";
import { BookList } from "./list";
import { type Standing, useStanding } from "./live";
import { goTo, type Place, placeHref, type Tab, usePlace } from "./place";
import { useReaders } from "./readers";
import { Settings } from "./settings";

const TABS: readonly { readonly id: Tab; readonly title: string }[] = [
  { id: "books", title: "Books" },
  { id: "devices", title: "Devices" },
  { id: "connect", title: "Connect" },
  { id: "settings", title: "Settings" },
  { id: "accounts", title: "Accounts" },
];

export function ReadingPage() {
  const { who } = useSession();
  const place = usePlace(who.account);
  const standing = useStanding(place.account);
  if (place.tab === "books" && place.document !== undefined && standing.type === "open") {
    const { account, document } = place;
    return <BookPage key={document} space={standing.space} account={account} document={document} />;
  }
  return (
    <>
      <header className="title">
        <h1>Reading</h1>
        <Whose place={place} />
      </header>
      <nav className="tabs" aria-label="Parts of the page">
        {TABS.filter(({ id }) => id !== "accounts" || who.admin).map(({ id, title }) => (
          <a
            key={id}
            className="tab"
            href={placeHref(place.account, id)}
            aria-current={id === place.tab ? "page" : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      <Part place={place} standing={standing} isAdmin={who.admin} />
    </>
  );
}

function Part(props: {
  readonly place: Place;
  readonly standing: Standing;
  readonly isAdmin: boolean;
}): ReactNode {
  const { standing, isAdmin } = props;
  const { tab, account } = props.place;
  switch (tab) {
    case "connect":
      return <Connect account={account} standing={standing} />;
    case "settings":
      return <Settings key={account} account={account} />;
    case "devices":
      return <Devices account={account} standing={standing} />;
    case "accounts":
      return isAdmin ? <Accounts /> : <Empty title="Only admins have use for this" />;
    default:
      return <Books account={account} standing={standing} />;
  }
}

function Books({ account, standing }: { readonly account: string; readonly standing: Standing }) {
  switch (standing.type) {
    case "open":
      return <BookList space={standing.space} account={account} />;
    case "failed":
      return <Failed error={standing.error} />;
    case "none":
      return <Connect account={account} standing={standing} isWelcome />;
    default:
      return <Loading />;
  }
}

/** Whose readings: one's own, those that are shared, and for admins everybody's. */
function Whose({ place }: { readonly place: Place }) {
  const { who } = useSession();
  const readers = useReaders();
  const all = [...new Set([who.account, place.account, ...readers])].sort();
  if (all.length === 1) {
    return null;
  }
  return (
    <select
      aria-label="Account"
      value={place.account}
      onChange={({ target }) => goTo(target.value, place.tab)}
    >
      {all.map((account) => (
        <option key={account} value={account}>
          {account === who.account ? `${account} (you)` : account}
        </option>
      ))}
    </select>
  );
}

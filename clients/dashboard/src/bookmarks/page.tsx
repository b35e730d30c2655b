// Bookmarks: the data set of the Linkora gateway, live, and a second way to all that its apps do.

import "./bookmarks.css";
import { useMemo, useState } from "react";
import { type Answer, useList } from "../hub/answer";
import { useSession } from "../hub/session";
import type { SpaceInfo } from "../hub/shapes";
import { Empty, Failed, Loading } from "../parts/states";
import { complain } from "../parts/toast";
import { go, href, useRoute } from "../route";
import { Bookmarks } from "./bookmarks";
import { Connect } from "./connect";
import { begin, type Info, useInfo } from "./info";
import { type Place, placeOf } from "./place";
import { Welcome } from "./welcome";

export function BookmarksPage() {
  const { who } = useSession();
  const route = useRoute();
  const place = useMemo(() => placeOf(route, who.account), [route, who.account]);
  return <OfOne key={place.user} place={place} />;
}

/** The bookmarks of one account: before they begin, and then. */
function OfOne({ place }: { readonly place: Place }) {
  const { client } = useSession();
  const info = useInfo(place.user);
  const [isAdding, setAdding] = useState(false);
  const name = info.data?.space ?? `linkora/${place.user}`;
  const add = (): void => {
    setAdding(true);
    begin(place.user).then(info.reload, complain);
  };
  // While the hub is away, what this device keeps is there all the same.
  const isKept = info.data === undefined && client.spaces().some((kept) => kept === name);
  if (info.data?.exists === true || isKept) {
    return (
      <Bookmarks name={name} info={info.data} place={place} isAdding={isAdding}>
        <Accounts user={place.user} />
      </Bookmarks>
    );
  }
  return (
    <>
      <header className="title">
        <h1>Bookmarks</h1>
        <Accounts user={place.user} />
      </header>
      <Before info={info} place={place} add={add} />
    </>
  );
}

function Before(props: {
  readonly info: Answer<Info>;
  readonly place: Place;
  readonly add: () => void;
}) {
  const { info, place, add } = props;
  const { who } = useSession();
  if (info.data === undefined) {
    return info.error ? <Failed error={info.error} retry={info.reload} /> : <Loading />;
  }
  if (place.user !== who.account && !who.admin) {
    return (
      <Empty title={`You see no bookmarks of ${place.user}`}>
        <p>
          <a href={href("bookmarks")}>Your own</a>
        </p>
      </Empty>
    );
  }
  if (place.kind === "connect") {
    return <Connect info={info.data} />;
  }
  return <Welcome user={place.user} isReadOnly={false} add={add} />;
}

const SPACES = "linkora/";

/** Whose bookmarks: for whoever may see more than their own. */
function Accounts({ user }: { readonly user: string }) {
  const { who } = useSession();
  const spaces = useList<SpaceInfo>("/spaces", 30_000);
  const shared = (spaces.data ?? []).map(({ name }) => name).filter((it) => it.startsWith(SPACES));
  const users = new Set([who.account, user, ...shared.map((name) => name.slice(SPACES.length))]);
  if (users.size === 1) {
    return null;
  }
  return (
    <select
      aria-label="Whose bookmarks"
      value={user}
      onChange={({ target }) => go("bookmarks", target.value)}
    >
      {[...users].sort().map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

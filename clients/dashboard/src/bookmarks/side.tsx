// The places at the side: lists, folders, tags, panels, and what was deleted.

import { memo, type ReactNode, useState } from "react";
import { count } from "../hub/words";
import { Icon, type IconName } from "../parts/icon";
import type { Library } from "./model";
import { hrefOf, nameOf, type Place } from "./place";
import { FolderTree } from "./tree";

/** What there is to make from here. */
export type Making = "link" | "folder" | "tag" | "panel";

interface SideProps {
  readonly library: Library;
  readonly place: Place;
  readonly title: string;
  readonly isReadOnly: boolean;
  readonly deleted: number;
  readonly make: (what: Making) => void;
}

/** Not drawn again while somebody writes what they look for. */
export const Side = memo(function Side(props: SideProps) {
  const { library, place, isReadOnly, deleted, make } = props;
  // On a phone it lies over the links, and goes when a place is chosen.
  const [isOpen, setOpen] = useState(false);
  const add = (what: Making): ReactNode => !isReadOnly && <Add what={what} make={make} />;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a link that is chosen by a key is clicked
    // biome-ignore lint/a11y/noStaticElementInteractions: see above
    <div
      className={isOpen ? "sidelist open" : "sidelist"}
      onClick={({ target }) => {
        if (target instanceof Element && target.closest("a") !== null) {
          setOpen(false);
        }
      }}
    >
      <button
        type="button"
        className="button sidelist-button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="folder" /> <span>{props.title}</span> <i className="twist open" />
      </button>
      <nav aria-label="Places">
        <Lists library={library} place={place} />
        <Group title="Folders" add={add("folder")}>
          <FolderTree
            library={library}
            user={place.user}
            current={place.kind === "folder" ? place.key : undefined}
          />
        </Group>
        <Group title="Tags" add={add("tag")}>
          {[...library.tags.values()].map(({ key, name }) => (
            <Item key={key} place={place} to={["tag", key]} icon="tag" title={name}>
              {library.counts.get(`tag/${key}`) ?? 0}
            </Item>
          ))}
        </Group>
        <Group title="Panels" add={add("panel")}>
          {library.panels.map(({ key, name, entries }) => (
            <Item key={key} place={place} to={["panel", key]} icon="panels" title={name}>
              {entries.length}
            </Item>
          ))}
        </Group>
        <div className="place-group">
          <Item place={place} to={["deleted"]} icon="trash" title="Deleted">
            {deleted}
          </Item>
          <Item place={place} to={["connect"]} icon="devices" title="Connect an app" />
        </div>
      </nav>
    </div>
  );
});

const LISTS = [
  { kind: "all", title: "All links", icon: "bookmarks" },
  { kind: "unfiled", title: "Unfiled", icon: "spaces" },
  { kind: "important", title: "Important", icon: "star" },
  { kind: "archive", title: "Archive", icon: "archive" },
  { kind: "history", title: "History", icon: "clock" },
] as const;

/** What a place that is no row is called. */
export const titleOfList = (kind: string): string =>
  LISTS.find((list) => list.kind === kind)?.title ?? "";

function Lists({ library, place }: { readonly library: Library; readonly place: Place }) {
  // Only an app that keeps a history has one.
  const hasHistory = library.counts.has("history") || place.kind === "history";
  return (
    <div className="place-group">
      {LISTS.filter(({ kind }) => kind !== "history" || hasHistory).map((list) => (
        <Item key={list.kind} place={place} to={[list.kind]} icon={list.icon} title={list.title}>
          {library.counts.get(list.kind) ?? 0}
        </Item>
      ))}
    </div>
  );
}

function Group(props: {
  readonly title: string;
  readonly add: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <section className="place-group" aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.add}
      </header>
      {props.children}
    </section>
  );
}

function Add({ what, make }: { readonly what: Making; readonly make: (what: Making) => void }) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`New ${what}`}
      title={`New ${what}`}
      onClick={() => make(what)}
    >
      <Icon name="plus" />
    </button>
  );
}

function Item(props: {
  readonly place: Place;
  readonly to: readonly string[];
  readonly icon: IconName;
  readonly title: string;
  readonly children?: number;
}) {
  const { place, to, icon, title, children } = props;
  return (
    <a
      className="place"
      href={hrefOf(place.user, ...to)}
      aria-current={nameOf(place) === to.join("/") ? "page" : undefined}
    >
      <Icon name={icon} />
      <span className="place-name" title={title}>
        {title}
      </span>
      {children !== undefined && <span className="place-count">{count(children)}</span>}
    </a>
  );
}

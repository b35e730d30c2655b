// The links of a place, or those that were found, and one of them beside the list.

import { useDeferredValue, useMemo, useRef, useState } from "react";
import type { Space } from "syncline";
import { useSpaceStatus } from "syncline/react";
import { count, counted, moment, relative } from "../hub/words";
import { Icon } from "../parts/icon";
import { Empty, Loading } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { openable } from "./address";
import { ChosenBar, chosenColumn, useChosen } from "./chosen";
import { called, found, ORDERS, type Order } from "./find";
import { LinkPanel } from "./link";
import { type Library, type Link, pathOf } from "./model";
import { goTo, nameOf, type Place } from "./place";

const ORDER_KEPT = "syncline bookmarks order";

export function Links(props: {
  readonly space: Space;
  readonly library: Library;
  readonly fresh: ReadonlySet<string>;
  readonly place: Place;
  readonly search: string;
  readonly isReadOnly: boolean;
}) {
  const { space, library, place, search, isReadOnly } = props;
  const [order, setOrder] = useOrder();
  const wanted = useDeferredValue(search);
  const name = nameOf(place);
  const links = useMemo(() => found(library, name, wanted, order), [library, name, wanted, order]);
  const hasRoom = place.link === undefined;
  const leave = useLeave(place);
  const [keys, choose] = useChosen(`${name} ${wanted}`);
  const columns = useMemo(() => columnsOf(library, hasRoom), [library, hasRoom]);
  const isLive = useSpaceStatus(space).isLive;
  const link = library.links.find(({ key }) => key === place.link);
  const hasChosen = links.some(({ key }) => keys.has(key));
  return (
    <>
      {hasChosen && (
        <ChosenBar space={space} library={library} links={links} keys={keys} choose={choose} />
      )}
      <div className="tools" hidden={hasChosen}>
        <span className="tools-note" role="status">
          {wanted.trim() === "" ? counted(links.length, "link") : `${count(links.length)} found`}
        </span>
        <select
          aria-label="Order"
          value={order}
          onChange={({ target }) => setOrder(target.value as Order)}
        >
          {Object.entries(ORDERS).map(([id, title]) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a key for what has the focus in it */}
      <div
        className={hasRoom ? "split" : "split open"}
        onKeyDown={(event) => {
          if (event.key === "Escape" && !event.defaultPrevented) {
            leave.to(undefined);
          }
        }}
      >
        {links.length > 0 ? (
          <Table
            key={name}
            label="Links"
            columns={isReadOnly ? columns : [chosenColumn(keys, choose), ...columns]}
            items={links}
            keyOf={({ key }) => key}
            open={({ key }) => leave.to(key)}
            selected={place.link}
            isFresh={({ key }) => props.fresh.has(key)}
          />
        ) : (
          <Nothing isLive={isLive} hasSearch={wanted.trim() !== ""} kind={place.kind} />
        )}
        {place.link !== undefined && (
          <LinkPanel
            key={place.link}
            space={space}
            library={library}
            place={place}
            link={link}
            isReadOnly={isReadOnly}
            close={() => leave.to(undefined)}
            setDirty={leave.setDirty}
          />
        )}
      </div>
    </>
  );
}

/** The way to another link, or to none: past what has been written and not saved. */
function useLeave(place: Place) {
  const isDirty = useRef(false);
  return {
    setDirty: (next: boolean): void => {
      isDirty.current = next;
    },
    to: (link: string | undefined): void => {
      if (!isDirty.current || confirm("What you wrote is not saved. Leave it?")) {
        isDirty.current = false;
        goTo(place, link);
      }
    },
  };
}

const NOTHING: Readonly<Record<string, string>> = {
  folder: "Nothing in this folder",
  tag: "No link has this tag",
  unfiled: "Nothing without a folder",
  important: "Nothing is marked as important",
  archive: "Nothing is archived",
};

function Nothing(props: {
  readonly isLive: boolean;
  readonly hasSearch: boolean;
  readonly kind: string;
}) {
  if (props.hasSearch) {
    return <Empty title="Nothing found" />;
  }
  return props.isLive ? (
    <Empty title={NOTHING[props.kind] ?? "No links yet"} />
  ) : (
    <Loading lines={12} />
  );
}

/** Beside a link that is looked at there is room for two. */
function columnsOf(library: Library, hasRoom: boolean): readonly Column<Link>[] {
  const two = shortColumns();
  return hasRoom ? [...two, ...moreColumns(library)] : two;
}

function shortColumns(): readonly Column<Link>[] {
  return [
    { title: "Title", width: "minmax(10rem, 3fr)", draw: (link) => <Title link={link} /> },
    {
      title: "Site",
      width: "minmax(5rem, 1.2fr)",
      draw: ({ site }) => <span className="muted">{site}</span>,
    },
  ];
}

function moreColumns(library: Library): readonly Column<Link>[] {
  return [
    {
      title: "In",
      width: "minmax(5rem, 1.2fr)",
      isWide: true,
      draw: (link) => <Where link={link} library={library} />,
    },
    {
      title: "Tags",
      width: "minmax(4rem, 1.2fr)",
      isWide: true,
      draw: ({ tags }) =>
        tags.map((key) => (
          <span key={key} className="tag">
            {library.tags.get(key)?.name}
          </span>
        )),
    },
    {
      title: "Changed",
      width: "8rem",
      isWide: true,
      draw: ({ modified_s }) =>
        modified_s === undefined ? (
          <em>not sent yet</em>
        ) : (
          <time title={moment(modified_s * 1000)}>{relative(modified_s * 1000)}</time>
        ),
    },
  ];
}

/** Opens in a tab of its own, which learns nothing of this one. */
function Title({ link }: { readonly link: Link }) {
  const address = openable(link.url);
  return (
    <span className="link-title" title={link.note || link.url}>
      {link.isImportant && <Icon name="star" />}
      {address === undefined ? (
        <span>{called(link)}</span>
      ) : (
        <a
          href={address}
          target="_blank"
          rel="noopener noreferrer"
          onClick={(event) => event.stopPropagation()}
        >
          {called(link)}
        </a>
      )}
    </span>
  );
}

const LISTS: Readonly<Record<string, string>> = {
  SAVED_LINK: "",
  IMPORTANT_LINK: "Important",
  ARCHIVE_LINK: "Archive",
  HISTORY_LINK: "History",
};

function Where({ link, library }: { readonly link: Link; readonly library: Library }) {
  const path = link.folder === undefined ? LISTS[link.type] : pathOf(library, link.folder);
  return <span title={path}>{path}</span>;
}

/** The order that one has chosen, here and next time. */
function useOrder(): readonly [Order, (order: Order) => void] {
  const [order, setOrder] = useState<Order>(() => {
    const kept = localStorage.getItem(ORDER_KEPT);
    return kept !== null && kept in ORDERS ? (kept as Order) : "newest";
  });
  const choose = (next: Order): void => {
    localStorage.setItem(ORDER_KEPT, next);
    setOrder(next);
  };
  return [order, choose];
}

// All books of an account: what was read last stands first.

import { useDeferredValue, useEffect, useMemo, useState } from "react";
import type { Space } from "syncline";
import { useSpaceStatus } from "syncline/react";
import { count, counted, moment, relative } from "../hub/words";
import { Empty, Loading } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { Bar } from "./bar";
import { useBooks } from "./live";
import { goTo, placeHref } from "./place";
import { arranged, type Book, deviceOf, isAtEnd, ORDERS, type Order } from "./shelf";

/** How often “a minute ago” is made true again. */
const MINUTE_MS = 30_000;

export function BookList(props: { readonly space: Space; readonly account: string }) {
  const { space, account } = props;
  const books = useBooks(space);
  const { isLive } = useSpaceStatus(space);
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState<Order>("read");
  const wanted = useDeferredValue(search);
  const found = useMemo(() => arranged(books, wanted, order), [books, wanted, order]);
  const now = useMinutes();
  const columns = useMemo(() => columnsOf(account, now), [account, now]);
  if (books.length === 0 && !isLive) {
    return <Loading />;
  }
  return (
    <>
      <div className="tools">
        <p className="summary">{summaryOf(books)}</p>
        <input
          type="search"
          className="search"
          placeholder="Find by title, author or device"
          aria-label="Find books"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
        <select
          aria-label="Order by"
          value={order}
          onChange={({ target }) => setOrder(target.value as Order)}
        >
          {Object.entries(ORDERS).map(([id, title]) => (
            <option key={id} value={id}>
              by {title}
            </option>
          ))}
        </select>
      </div>
      {found.length === 0 ? (
        <Empty title={search === "" ? "No book yet" : "Nothing found"}>
          {search === "" && <p>The first page that is turned on a device brings its book here.</p>}
        </Empty>
      ) : (
        <Table
          label="Books"
          columns={columns}
          items={found}
          keyOf={({ id }) => id}
          open={({ id }) => goTo(account, "books", id)}
        />
      )}
    </>
  );
}

function summaryOf(books: readonly Book[]): string {
  const atEnd = books.filter(isAtEnd).length;
  return `${counted(books.length, "book")}${atEnd > 0 ? `, ${count(atEnd)} read to the end` : ""}.`;
}

/** The time, now and again: it draws what tells how long ago something was. */
export function useMinutes(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function columnsOf(account: string, now: number): readonly Column<Book>[] {
  return [
    {
      title: "Book",
      width: "minmax(6rem, 2.2fr)",
      draw: (book) => (
        <a
          className={book.isNamed ? "strong" : ""}
          href={placeHref(account, "books", book.id)}
          title={book.fileName ?? book.id}
        >
          {book.title}
        </a>
      ),
    },
    {
      title: "By",
      width: "minmax(5rem, 1fr)",
      isWide: true,
      draw: ({ authors }) => <span className="muted">{authors}</span>,
    },
    {
      title: "Progress",
      width: "minmax(6rem, 1.3fr)",
      draw: ({ title, position }) =>
        position === undefined ? (
          <span className="muted">not begun</span>
        ) : (
          <Bar label={`Progress in ${title}`} share={position.share} />
        ),
    },
    {
      title: "Device",
      width: "minmax(5rem, 1fr)",
      isWide: true,
      draw: ({ position }) => position && deviceOf(position),
    },
    {
      title: "Read",
      width: "minmax(6.3rem, 7.5rem)",
      draw: ({ position }) =>
        position && (
          <time title={moment(position.at_ms)}>
            {relative(position.at_ms, Math.max(now, Date.now()))}
          </time>
        ),
    },
  ];
}

// One book: where its readers are, what it is called, which documents it is, and its history.

import { useMemo, useState } from "react";
import type { Space } from "syncline";
import { useSpaceStatus } from "syncline/react";
import { moment, relative } from "../hub/words";
import { Icon } from "../parts/icon";
import { Empty, Loading } from "../parts/states";
import { useRecords } from "../spaces/sample";
import { Bar } from "./bar";
import { DeleteDialog, RestartDialog, TitleDialog } from "./change";
import { Documents } from "./documents";
import { BookHistory } from "./history";
import { JoinDialog } from "./join";
import { useMinutes } from "./list";
import { useBooks } from "./live";
import { placeHref } from "./place";
import { type Book, deviceOf, namesakes, type Place, placesOf } from "./shelf";

type Doing = "title" | "restart" | "join" | "delete";

export function BookPage(props: {
  readonly space: Space;
  readonly account: string;
  readonly document: string;
}) {
  const { space, account, document } = props;
  const books = useBooks(space);
  const { isLive } = useSpaceStatus(space);
  const [doing, setDoing] = useState<Doing>();
  const book = books.find(({ documents }) => documents.some(({ id }) => id === document));
  if (book === undefined) {
    return isLive ? <Gone account={account} /> : <Loading />;
  }
  const dialog = { account, book, close: () => setDoing(undefined) };
  return (
    <>
      <header className="title">
        <h1 className="trail">
          <a href={placeHref(account, "books")}>Reading</a> <span>{book.title}</span>
        </h1>
        <button type="button" className="button" onClick={() => setDoing("title")}>
          Set title
        </button>
        <button type="button" className="button" onClick={() => setDoing("restart")}>
          Start again
        </button>
        <button type="button" className="button" onClick={() => setDoing("join")}>
          Join
        </button>
        <button type="button" className="button danger" onClick={() => setDoing("delete")}>
          <Icon name="trash" /> Delete
        </button>
      </header>
      <Whereabouts book={book} />
      <Namesakes book={book} books={books} join={() => setDoing("join")} />
      <Inside space={space} account={account} book={book} />
      {doing === "title" && <TitleDialog {...dialog} />}
      {doing === "restart" && <RestartDialog {...dialog} />}
      {doing === "delete" && <DeleteDialog {...dialog} />}
      {doing === "join" && <JoinDialog {...dialog} books={books} />}
    </>
  );
}

function Gone({ account }: { readonly account: string }) {
  return (
    <Empty title="There is no such book">
      <p>
        It was deleted, or nothing was read in it yet.{" "}
        <a href={placeHref(account, "books")}>All books</a>
      </p>
    </Empty>
  );
}

function Whereabouts({ book }: { readonly book: Book }) {
  const { title, authors, position, isFree } = book;
  useMinutes();
  return (
    <section className="whereabouts">
      {authors && <p className="muted">{authors}</p>}
      {position === undefined ? (
        <p className="muted">Nothing was read in it yet.</p>
      ) : (
        <>
          <Bar label={`Progress in ${title}`} share={position.share} />
          <p className="muted">
            <time title={moment(position.at_ms)}>{relative(position.at_ms)}</time>,{" "}
            {deviceOf(position)}
          </p>
        </>
      )}
      {isFree && (
        <p>
          <span className="tag good">begins anew</span> The next page that is turned counts, however
          early it is.
        </p>
      )}
    </section>
  );
}

function Namesakes(props: {
  readonly book: Book;
  readonly books: readonly Book[];
  readonly join: () => void;
}) {
  if (namesakes(props.book, props.books).length === 0) {
    return null;
  }
  return (
    <p className="notice">
      <span>Another document has this title. Is it the same book, from another file?</span>
      <button type="button" className="button small" onClick={props.join}>
        Join them
      </button>
    </p>
  );
}

function Inside(props: { readonly space: Space; readonly account: string; readonly book: Book }) {
  const { space, account, book } = props;
  const { records } = useRecords(space, "positions");
  const places = useMemo(() => placesOf(book, records), [book, records]);
  return (
    <>
      <div className="columns two">
        <Places places={places} />
        <Documents account={account} book={book} />
      </div>
      <BookHistory account={account} book={book} places={places} />
    </>
  );
}

/** Where each device was last. */
function Places({ places }: { readonly places: readonly Place[] }) {
  return (
    <section className="facts">
      <h2>Devices</h2>
      <table className="places">
        <tbody>
          {places.map((place) => (
            <tr key={`${place.document} ${place.key}`}>
              <th scope="row" title={place.deviceId}>
                {deviceOf(place)}
              </th>
              <td>
                <Bar label={`Progress on ${deviceOf(place)}`} share={place.share} />
              </td>
              <td>
                <time title={moment(place.at_ms)}>{relative(place.at_ms)}</time>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {places.length === 0 && <p className="muted">No device has read it yet.</p>}
    </section>
  );
}

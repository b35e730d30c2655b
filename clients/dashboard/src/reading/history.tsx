// Where a book was, as a chart and as a list; any of it can be made current again.

import { useMemo } from "react";
import { ask } from "../hub/request";
import { counted, moment } from "../hub/words";
import { Await, Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { complain, say } from "../parts/toast";
import { Bar, percent } from "./bar";
import { Chart } from "./chart";
import { useHistory } from "./live";
import { type Entry, path } from "./shapes";
import { type Book, deviceOf, type Place, twins } from "./shelf";

/** What stands beside a position that no device has just sent. */
const ORIGINS = { push: "", restore: "restored", import: "imported", native: "from an app" };

const TIME = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" } as const;
const THIS_YEAR = new Intl.DateTimeFormat("en", TIME);
const ANY_YEAR = new Intl.DateTimeFormat("en", { ...TIME, year: "numeric" });

/** A moment as short as it can be told. */
function when(at_ms: number): string {
  const isThisYear = new Date(at_ms).getFullYear() === new Date().getFullYear();
  return (isThisYear ? THIS_YEAR : ANY_YEAR).format(at_ms);
}

export function BookHistory(props: {
  readonly account: string;
  readonly book: Book;
  readonly places: readonly Place[];
}) {
  const { account, book, places } = props;
  const documents = book.documents.map(({ sequence }) => sequence);
  const mark = [...documents, ...places.map(({ sequence }) => sequence)].join(" ");
  const history = useHistory(account, book, mark);
  return (
    <section aria-label="History">
      <header className="title">
        <h2>History</h2>
        {history.data && <span className="muted">{counted(history.data.length, "position")}</span>}
      </header>
      <Await answer={history} lines={3}>
        {(entries) => <Kept account={account} book={book} entries={entries} />}
      </Await>
    </section>
  );
}

function Kept(props: {
  readonly account: string;
  readonly book: Book;
  readonly entries: readonly Entry[];
}) {
  const { account, book, entries } = props;
  const latest = useMemo(() => entries.toReversed(), [entries]);
  const columns = useMemo(() => columnsOf(account, book, latest), [account, book, latest]);
  if (entries.length === 0) {
    return <Empty title="No position was kept" />;
  }
  return (
    <>
      <Chart entries={entries} />
      <Table label="History" columns={columns} items={latest} keyOf={keyOf} isGrown />
      {twins(entries).map((names) => (
        <p key={names.join(" ")} className="warn">
          {names.join(" and ")} show one id. If they are two devices, KOReader takes them for one,
          and tells neither of the other: remove device_id from settings.reader.lua of one.
        </p>
      ))}
    </>
  );
}

const keyOf = ({ entry }: Entry): string => entry;

function isNow({ position }: Book, entry: Entry): boolean {
  return position?.at_ms === entry.at_ms && position.progress === entry.progress;
}

/** Makes a position current again; the way back is to restore what was. */
async function restore(account: string, entry: Entry, before: Entry | undefined): Promise<void> {
  await ask(`POST ${path(account, "books", entry.document, "restore")}`, { entry: entry.entry });
  const undo = (): void => {
    if (before !== undefined) {
      restore(account, before, undefined).catch(complain);
    }
  };
  say(`Devices are told ${percent(entry.share)} from now on.`, before && undo);
}

function columnsOf(
  account: string,
  book: Book,
  latest: readonly Entry[],
): readonly Column<Entry>[] {
  const before = latest.find((entry) => isNow(book, entry));
  return [
    {
      title: "When",
      width: "minmax(7.5rem, 11rem)",
      draw: ({ at_ms }) => <time title={moment(at_ms)}>{when(at_ms)}</time>,
    },
    {
      title: "Progress",
      width: "minmax(5.5rem, 1.3fr)",
      draw: ({ share, progress }) => (
        <span title={progress}>
          <Bar label="Progress then" share={share} />
        </span>
      ),
    },
    { title: "Device", width: "minmax(4rem, 1fr)", isWide: true, draw: deviceOf },
    {
      title: "",
      width: "minmax(5rem, 9rem)",
      isWide: true,
      draw: ({ origin, isCurrent }) => (
        <>
          {origin !== null && ORIGINS[origin] !== "" && (
            <span className="tag">{ORIGINS[origin]}</span>
          )}{" "}
          {!isCurrent && (
            <span className="tag" title="Another position stayed the current one">
              aside
            </span>
          )}
        </>
      ),
    },
    {
      title: "Current",
      width: "4.9rem",
      isNumber: true,
      draw: (entry) =>
        entry === before ? (
          <span className="tag good">now</span>
        ) : (
          <button
            type="button"
            className="button small"
            aria-label={`Restore ${percent(entry.share)} of ${moment(entry.at_ms)}`}
            onClick={() => restore(account, entry, before).catch(complain)}
          >
            Restore
          </button>
        ),
    },
  ];
}

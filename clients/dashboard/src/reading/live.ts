// An account's readings as they change: the copy that the client keeps, and the history beside it.
//
//   asking -- a copy is on this device, or the hub has a book --> open
//      ^                                                           | the hub has no such space
//      +-----------------------------------------------------------+
//
// A space begins with the first push. Subscribing to one that is not there would be refused, and
// count as a refusal; so the hub is asked for a book until it has one. The history is large and
// seldom looked at: it is asked for, and again when a page was turned.

import { useEffect, useMemo, useState } from "react";
import type { Client, Space } from "syncline";
import { type Answer, repeat } from "../hub/answer";
import { ask } from "../hub/request";
import { useSession } from "../hub/session";
import { useRecords } from "../spaces/sample";
import { askHistory, type Entry, path } from "./shapes";
import { type Book, booksOf } from "./shelf";

/** What is kept up of a space: all but the history. */
const COLLECTIONS = ["progress", "positions", "devices", "books", "joins", "settings"] as const;
/** How often a hub that has no book yet is asked for one. */
const EVERY_MS = 500;
/** A space that was asked for anew has so long to come. */
const PATIENCE_MS = 15_000;

/** How an account's readings stand. */
export type Standing =
  | { readonly type: "asking" }
  /** Nobody has read yet. */
  | { readonly type: "none" }
  | { readonly type: "failed"; readonly error: Error }
  | { readonly type: "open"; readonly space: Space };

export function useStanding(account: string): Standing {
  const { client } = useSession();
  const [standing, setStanding] = useState<Standing>({ type: "asking" });
  useEffect(() => {
    setStanding({ type: "asking" });
    return followReadings(client, account, setStanding);
  }, [client, account]);
  return standing;
}

/** Tells how an account's readings stand, until it is stopped. */
function followReadings(client: Client, account: string, tell: (standing: Standing) => void) {
  const name = `koreader/${account}`;
  let space: Space | undefined;
  let stopStatus: (() => void) | undefined;
  let stopAsking: (() => void) | undefined;
  let openedAt = 0;

  const isLost = (): boolean => {
    const { ended, progress } = space?.status() ?? {};
    return ended?.code === "unknown_space" && progress === undefined;
  };
  const open = (): void => {
    if (space !== undefined && client.waiting() === 0) {
      // It may be wanted by other tabs, whose wish the hub has refused as well: asked for anew.
      client.forget(name);
    }
    openedAt = performance.now();
    space = client.space(name, { collections: COLLECTIONS });
    stopStatus ??= space.onStatus(() => {
      if (isLost()) {
        seek();
      }
    });
    tell({ type: "open", space });
  };
  const found = (): void => {
    if (space !== undefined && !isLost()) {
      stopAsking?.();
      stopAsking = undefined;
      tell({ type: "open", space });
    } else if (space === undefined || performance.now() - openedAt > PATIENCE_MS) {
      open();
    }
  };
  const seek = (): void => {
    stopAsking ??= repeat(EVERY_MS, async (isOver) => {
      const answer = await hasBook(account).catch((failed: Error) => failed);
      if (isOver()) {
        return;
      }
      if (answer === true) {
        found();
      } else if (answer === false) {
        openedAt = -PATIENCE_MS;
        tell({ type: "none" });
      } else if (space === undefined) {
        tell({ type: "failed", error: answer });
      }
    });
  };

  if (client.spaces().some((kept) => kept === name)) {
    open();
  }
  if (space === undefined || isLost()) {
    seek();
  }
  return () => {
    stopStatus?.();
    stopAsking?.();
  };
}

async function hasBook(account: string): Promise<boolean> {
  const answer = await ask<{ readonly items: readonly unknown[] }>(
    `GET ${path(account, "books")}&limit=1`,
  );
  return answer.items.length > 0;
}

/** The books of a space, live. */
export function useBooks(space: Space): readonly Book[] {
  const { records: progress } = useRecords(space, "progress");
  const { records: books } = useRecords(space, "books");
  const { records: joins } = useRecords(space, "joins");
  return useMemo(() => booksOf({ progress, books, joins }), [progress, books, joins]);
}

/** The history of a book, the oldest first; asked for again when `mark` changes. */
export function useHistory(account: string, book: Book, mark: string): Answer<readonly Entry[]> {
  const [data, setData] = useState<readonly Entry[]>();
  const [error, setError] = useState<Error>();
  const documents = book.documents.map(({ id }) => id).join(":");
  const reader = useMemo(
    () => createReader(account, documents.split(":"), setData, setError),
    [account, documents],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new mark is a page that was turned
  useEffect(() => reader.read(), [reader, mark]);
  useEffect(() => reader.end, [reader]);
  return { data, error, reload: reader.read };
}

/** Reads one time after the other, and once more when it was asked to meanwhile. */
function createReader(
  account: string,
  documents: readonly string[],
  tell: (entries: readonly Entry[]) => void,
  fail: (error: Error | undefined) => void,
) {
  let isReading = false;
  let isDue = false;
  let isOver = false;
  const once = async (): Promise<void> => {
    const lists = documents.map((document) => askHistory(account, document));
    const answer = await Promise.all(lists).catch((failed: Error) => failed);
    if (isOver) {
      return;
    }
    if (answer instanceof Error) {
      fail(answer);
    } else {
      tell(answer.flat().sort(byTime));
      fail(undefined);
    }
  };
  const rounds = async (): Promise<void> => {
    isReading = true;
    while (isDue && !isOver) {
      isDue = false;
      await once();
    }
    isReading = false;
  };
  const read = (): void => {
    isOver = false;
    isDue = true;
    if (!isReading) {
      void rounds();
    }
  };
  const end = (): void => {
    isOver = true;
  };
  return { read, end };
}

const byTime = (a: Entry, b: Entry): number => a.came_ms - b.came_ms;

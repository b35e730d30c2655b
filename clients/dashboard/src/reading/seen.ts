// The devices of an account, made of its records. Pure.

import type { RecordView } from "syncline";
import { textOf } from "./shapes";
import type { Book } from "./shelf";

/** A device that has sent a position. */
export interface Device {
  readonly key: string;
  readonly name: string;
  readonly id: string | undefined;
  readonly seen_ms: number | undefined;
  /** What was read on it last, where that is still there. */
  readonly book: Book | undefined;
}

/** All devices, the one that was seen last first. */
export function devicesOf(
  records: readonly RecordView[],
  books: readonly Book[],
): readonly Device[] {
  const byDocument = new Map(
    books.flatMap((book) => book.documents.map(({ id }) => [id, book] as const)),
  );
  const devices = records.map(({ key, fields }): Device => {
    const seen_s = fields["seen_s"];
    return {
      key,
      name: textOf(fields["name"]) ?? "without a name",
      id: textOf(fields["id"]),
      seen_ms: typeof seen_s === "number" ? seen_s * 1000 : undefined,
      book: byDocument.get(textOf(fields["document"]) ?? ""),
    };
  });
  return devices.sort((a, b) => (b.seen_ms ?? 0) - (a.seen_ms ?? 0));
}

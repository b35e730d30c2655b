// The books of an account, made of its records: documents that are one book are one book here. Pure.

import type { RecordView } from "syncline";
import { mapOf, type Position, positionIn, textOf } from "./shapes";

/** A document with what is known of it alone. */
export interface Document {
  readonly id: string;
  readonly position: Position | undefined;
  /** When that came in the space's log: a second may have seen several. */
  readonly sequence: number;
  /** What a person calls it. */
  readonly ownTitle: string | undefined;
  /** What devices call it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The next push counts, however low it is. */
  readonly isFree: boolean;
}

/** A device's last position in a book. */
export interface Place extends Position {
  readonly key: string;
  readonly document: string;
  readonly sequence: number;
}

/** A book, as people see it. */
export interface Book {
  /** The first of its documents: it names the book in addresses. */
  readonly id: string;
  readonly documents: readonly Document[];
  readonly title: string;
  /** Whether anybody, or any device, has said what it is called. */
  readonly isNamed: boolean;
  readonly authors: string | undefined;
  readonly fileName: string | undefined;
  /** The newest position of all of its documents. */
  readonly position: Position | undefined;
  /** When that came in the space's log. */
  readonly sequence: number;
  readonly isFree: boolean;
}

/** The collections of which books are made. */
export interface Records {
  readonly progress: readonly RecordView[];
  readonly books: readonly RecordView[];
  readonly joins: readonly RecordView[];
}

export const ORDERS = { read: "last read", title: "title", share: "progress" } as const;
export type Order = keyof typeof ORDERS;

/** The name that the hub gives to a position which a person has restored; it has no id. */
const HUB = "Syncline";
/** A book is read to its end when this much is: the last pages are seldom turned. */
const END = 0.99;
/** Letters of a document's id that are shown where it has no name. */
const SHOWN = 8;

/** All books, in no order. */
export function booksOf({ progress, books, joins }: Records): readonly Book[] {
  const documents = documentsOf(progress, books);
  const groups = new Map(joins.map((record) => [record.key as string, groupOf(record)]));
  const found: Book[] = [];
  const taken = new Set<string>();
  for (const id of documents.keys()) {
    if (taken.has(id)) {
      continue;
    }
    const ids = new Set([id, ...(groups.get(id) ?? [])]);
    const all = [...ids].sort().flatMap((it) => documents.get(it) ?? []);
    for (const document of all) {
      taken.add(document.id);
    }
    found.push(bookOf(all));
  }
  return found;
}

/** The books that match what is looked for, in an order. */
export function arranged(books: readonly Book[], search: string, order: Order): readonly Book[] {
  const wanted = search.trim().toLowerCase();
  const found = books.filter((book) => textsOf(book).toLowerCase().includes(wanted));
  return found.sort((a, b) => compare(a, b, order) || byTitle(a, b));
}

/** Who sent a position, in words. */
export function deviceOf(position: Position): string {
  return isRestored(position) ? "restored here" : position.device || "a device without a name";
}

/** The last position of each device, the latest first. */
export function placesOf(book: Book, positions: readonly RecordView[]): readonly Place[] {
  const ids = new Set(book.documents.map(({ id }) => id));
  const places = positions.flatMap((record) => {
    const [document = "", ...device] = record.key.split(":");
    const position = ids.has(document) ? positionIn(record) : undefined;
    const { sequence } = record;
    return position === undefined || isRestored(position)
      ? []
      : [{ ...position, key: device.join(":"), document, sequence }];
  });
  return places.sort((a, b) => b.at_ms - a.at_ms);
}

/** Other books with the same name: they may be other files of the same. */
export function namesakes(book: Book, books: readonly Book[]): readonly Book[] {
  const name = book.title.toLowerCase();
  const isOne = (other: Book): boolean => other.isNamed && other.title.toLowerCase() === name;
  return book.isNamed ? books.filter((other) => other.id !== book.id && isOne(other)) : [];
}

/** Names of devices that show one id: KOReader takes them for one device. */
export function twins(positions: readonly Position[]): readonly (readonly string[])[] {
  const names = new Map<string, Set<string>>();
  for (const { device, deviceId } of positions) {
    if (deviceId !== undefined) {
      names.set(deviceId, (names.get(deviceId) ?? new Set()).add(device));
    }
  }
  return [...names.values()].filter(({ size }) => size > 1).map((all) => [...all].sort());
}

export function isAtEnd({ position }: Book): boolean {
  return (position?.share ?? 0) >= END;
}

/** A document's id, short. */
export function shortId(id: string): string {
  return id.length > SHOWN + 2 ? `${id.slice(0, SHOWN)}…` : id;
}

function isRestored({ device, deviceId }: Position): boolean {
  return device === HUB && deviceId === undefined;
}

function documentsOf(progress: readonly RecordView[], books: readonly RecordView[]) {
  const places = new Map(progress.map((record) => [record.key as string, record]));
  const names = new Map(books.map((record) => [record.key as string, record]));
  const documents = new Map<string, Document>();
  for (const id of new Set([...places.keys(), ...names.keys()])) {
    documents.set(id, documentOf(id, places.get(id), names.get(id)));
  }
  return documents;
}

function documentOf(id: string, place?: RecordView, name?: RecordView): Document {
  const metadata = Object.entries(mapOf(name?.fields["metadata"]) ?? {});
  return {
    id,
    position: place && positionIn(place),
    sequence: place?.sequence ?? 0,
    ownTitle: textOf(name?.fields["title"]),
    metadata: Object.fromEntries(
      metadata.flatMap(([key, value]) => (typeof value === "string" ? [[key, value]] : [])),
    ),
    isFree: place?.fields["free"] === true,
  };
}

function groupOf(record: RecordView): readonly string[] {
  const books = record.fields["books"];
  return Array.isArray(books) ? books.filter((id) => typeof id === "string") : [];
}

function bookOf(documents: readonly Document[]): Book {
  const [first] = documents;
  const said = (name: string): string | undefined =>
    documents.map(({ metadata }) => metadata[name]).find((text) => text !== undefined);
  const named = documents.map(({ ownTitle }) => ownTitle).find((title) => title !== undefined);
  const last = newest(documents);
  const name = named ?? said("title") ?? said("filename");
  return {
    id: first?.id ?? "",
    documents,
    title: name ?? `Document ${shortId(first?.id ?? "")}`,
    isNamed: name !== undefined,
    authors: said("authors")?.split("\n").join(", "),
    fileName: said("filename"),
    position: last?.position,
    sequence: last?.sequence ?? 0,
    isFree: documents.some(({ isFree }) => isFree),
  };
}

function newest(documents: readonly Document[]): Document | undefined {
  const time = ({ position }: Document): number => position?.at_ms ?? -1;
  const later = (a: Document, b: Document): Document =>
    (time(a) - time(b) || a.sequence - b.sequence) > 0 ? a : b;
  return documents.length === 0 ? undefined : documents.reduce(later);
}

function textsOf({ title, authors, fileName, documents, position }: Book): string {
  const ids = documents.map(({ id }) => id).join(" ");
  return `${title} ${authors ?? ""} ${fileName ?? ""} ${ids} ${position?.device ?? ""}`;
}

function compare(a: Book, b: Book, order: Order): number {
  switch (order) {
    case "read":
      return (b.position?.at_ms ?? 0) - (a.position?.at_ms ?? 0) || b.sequence - a.sequence;
    case "share":
      return (b.position?.share ?? -1) - (a.position?.share ?? -1);
    default:
      return 0;
  }
}

/** What has a name comes first. */
function byTitle(a: Book, b: Book): number {
  return Number(b.isNamed) - Number(a.isNamed) || a.title.localeCompare(b.title);
}

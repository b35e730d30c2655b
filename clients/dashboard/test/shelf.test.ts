// How books are made of records: joined documents are one, and the newest position is theirs.

import { expect, test } from "vitest";
import type { RecordView } from "../../typescript/src/view.js";
import { arranged, booksOf, deviceOf, namesakes, placesOf, twins } from "../src/reading/shelf.js";

let sequence = 0;

function record(key: string, fields: RecordView["fields"]): RecordView {
  sequence += 1;
  return { key, fields, sequence, collection: "c", stamp: undefined, values: new Map() } as never;
}

function place(key: string, percentage: number, timestamp: number, device = "Kobo"): RecordView {
  return record(key, {
    position: { progress: "/p", percentage, device, device_id: `${device} id`, timestamp },
  });
}

const name = (key: string, title: string) => record(key, { metadata: { title } });

test("joined documents are one book, which is where it was read last", () => {
  const progress = [place("a", 0.5, 20), place("b", 0.2, 20), place("c", 0.9, 10)];
  const joins = ["a", "b"].map((key) => record(key, { books: ["a", "b"] }));
  const books = booksOf({ progress, books: [name("b", "Walden")], joins });
  expect(books.map(({ id, title }) => [id, title])).toEqual([
    ["a", "Walden"],
    ["c", "Document c"],
  ]);
  // Within one second the log tells which came last.
  expect(books[0]?.position?.share).toBe(0.2);
  // The log alone does not: what is imported later may have been read before.
  const imported = [place("a", 0.5, 20), place("b", 0.2, 10)];
  const [book] = booksOf({ progress: imported, books: [], joins });
  expect(book?.position?.share).toBe(0.5);
});

test("what a person calls a book comes before what devices do", () => {
  const books = [record("a", { title: "Mine", metadata: { title: "Theirs", filename: "t.epub" } })];
  expect(booksOf({ progress: [], books, joins: [] })[0]).toMatchObject({
    title: "Mine",
    fileName: "t.epub",
    position: undefined,
  });
});

test("records that are no positions are none, and odd ones are within the book", () => {
  const progress = [
    record("a", { position: "elsewhere" }),
    record("b", { position: { progress: "/p", percentage: 0.5, device: 7, timestamp: 1 } }),
    place("c", -1, 5),
    place("d", 1.5, 5),
    place("e", Number.NaN, 5),
  ];
  const shares = booksOf({ progress, books: [], joins: [] }).map(({ position }) => position?.share);
  expect(shares).toEqual([undefined, undefined, 0, 1, 0]);
});

test("books are found by any of their names, and stand in the order that is asked for", () => {
  const progress = [place("a", 0.1, 10), place("b", 0.9, 20), place("c", 0.5, 20)];
  const names = [name("a", "Walden"), name("b", "Emma"), name("c", "Kokoro")];
  const books = booksOf({ progress, books: names, joins: [] });
  const titles = (...how: [string, "read" | "title" | "share"]): readonly string[] =>
    arranged(books, ...how).map(({ title }) => title);
  expect(titles("", "read")).toEqual(["Kokoro", "Emma", "Walden"]);
  expect(titles("", "title")).toEqual(["Emma", "Kokoro", "Walden"]);
  expect(titles("", "share")).toEqual(["Emma", "Kokoro", "Walden"]);
  expect(titles(" KOKO ", "read")).toEqual(["Kokoro"]);
});

test("what is restored on the page was no device's", () => {
  const [book] = booksOf({ progress: [place("a", 0.1, 10)], books: [], joins: [] });
  const restored = { progress: "/p", percentage: 0.3, device: "Syncline", timestamp: 30 };
  const positions = [
    place("a:id:X", 0.1, 10),
    place("a:id:Y", 0.2, 20, "Kindle"),
    place("b:id:X", 0.2, 20),
    record("a:name:Syncline", { position: restored }),
  ];
  const places = book === undefined ? [] : placesOf(book, positions);
  expect(places.map(({ key, device }) => [key, device])).toEqual([
    ["id:Y", "Kindle"],
    ["id:X", "Kobo"],
  ]);
  expect(deviceOf({ ...restored, share: 0.3, deviceId: undefined, at_ms: 0 })).toBe(
    "restored here",
  );
});

test("documents with one title, and devices with one id, are pointed out", () => {
  const books = booksOf({
    progress: ["a", "b", "c"].map((key) => place(key, 0.1, 10)),
    books: [name("a", "Walden"), name("b", "walden")],
    joins: [],
  });
  const of = (id: string) => books.filter((book) => book.id === id);
  expect(of("a").flatMap((book) => namesakes(book, books))).toEqual(of("b"));
  expect(of("c").flatMap((book) => namesakes(book, books))).toEqual([]);
  const at = { progress: "/p", share: 0.1, at_ms: 0 };
  const seen = [
    { ...at, device: "Kobo", deviceId: "X" },
    { ...at, device: "Kindle", deviceId: "X" },
    { ...at, device: "Phone", deviceId: "Y" },
  ];
  expect(twins(seen)).toEqual([["Kindle", "Kobo"]]);
});

// What the page makes of records, whoever wrote them: the tree, what is found, what comes back.

import type { RecordView } from "syncline";
import { describe, expect, test } from "vitest";
import { addressesOf, openable, tidied } from "../src/bookmarks/address.js";
import { found } from "../src/bookmarks/find.js";
import { inOrder, libraryOf, pathOf, type Records } from "../src/bookmarks/model.js";
import { reborn } from "../src/bookmarks/restore.js";
import type { Fields, Table } from "../src/bookmarks/row.js";
import { lossesOf } from "../src/bookmarks/trash.js";

type Given = Partial<Record<Table | "trash", Readonly<Record<string, Fields>>>>;

function records(given: Given, table: Table | "trash"): readonly RecordView[] {
  return Object.entries(given[table] ?? {}).map(
    ([key, fields]) => ({ collection: table, key, fields }) as unknown as RecordView,
  );
}

function library(given: Given) {
  const all: Records = {
    folders: records(given, "folders"),
    links: records(given, "links"),
    tags: records(given, "tags"),
    panels: records(given, "panels"),
    panel_folders: records(given, "panel_folders"),
  };
  return libraryOf(all);
}

describe("an address", () => {
  test.each([
    ["https://a.example/b", true],
    ["HTTP://a.example", true],
    ["javascript:alert(1)", false],
    [" javascript:alert(1)", false],
    ["java\nscript:alert(1)", false],
    ["data:text/html,x", false],
    ["vbscript:x", false],
    ["blob:https://a.example/1", false],
    ["//a.example", false],
    ["/spaces", false],
    ["", false],
  ])("%s", (text, isOpened) => {
    expect(openable(text) !== undefined).toBe(isOpened);
  });

  test("gets the scheme that its writer left out", () => {
    expect(tidied(" a.example/b ")).toBe("https://a.example/b");
    expect(tidied("localhost:80")).toBe("https://localhost:80");
    expect(tidied("mailto:a@b.example")).toBe("mailto:a@b.example");
  });

  test("for an app is the gateway's own before the hub's", () => {
    const hub = { user: "a", space: "", enabled: true, exists: true, certificate: null };
    const info = {
      ...hub,
      prefix: "/linkora/",
      hosts: ["*.b.example", "b.example"],
      ports: [45454],
    };
    expect(addressesOf(info, new URL("https://hub.example:7962/#/bookmarks"))).toEqual([
      "https://b.example:7962/",
      "https://hub.example:45454/",
      "https://hub.example:7962/linkora/",
    ]);
  });
});

describe("a library", () => {
  test("shows every folder once, those of a circle at the root", () => {
    const { roots, folders } = library({
      folders: {
        b: { id: 2, name: "B", parent: 1 },
        a: { id: 1, name: "A" },
        c: { name: "C", parent: "b" },
        x: { id: 7, name: "X", parent: 8 },
        y: { id: 8, name: "Y", parent: 7 },
        z: { id: 9, name: "Z", parent: 9 },
      },
    });
    expect(inOrder(roots).map(({ key, depth }) => [key, depth])).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 2],
      ["x", 0],
      ["y", 1],
      ["z", 0],
    ]);
    expect(folders.size).toBe(6);
    expect(pathOf(library({ folders: { a: { name: "A" } } }), "a")).toBe("A");
  });

  test("knows links by id and by key, and takes nothing for granted", () => {
    const { links, counts } = library({
      folders: { a: { id: 1, name: "A" } },
      tags: { t: { id: 5, name: "tag" } },
      links: {
        byId: { id: 1, url: "https://a.example", folder: 1, tags: [5, 99] },
        byKey: { url: "https://b.example", folder: "a", tags: ["t"] },
        gone: { id: 2, url: "x", type: "FOLDER_LINK", folder: 77 },
        odd: { id: "?", url: 5, folder: [], tags: "t", important: "yes", title: null },
        seen: { id: 3, url: "https://a.example", type: "HISTORY_LINK", folder: -5 },
      },
    });
    const shown = links.map(({ folder, tags, type }) => [folder, tags.length, type]);
    expect(shown).toEqual([
      ["a", 1, "FOLDER_LINK"],
      ["a", 1, "FOLDER_LINK"],
      [undefined, 0, "FOLDER_LINK"],
      [undefined, 0, "SAVED_LINK"],
      [undefined, 0, "HISTORY_LINK"],
    ]);
    expect(Object.fromEntries(counts)).toEqual({
      all: 4,
      "folder/a": 2,
      "tag/t": 2,
      unfiled: 2,
      history: 1,
    });
  });

  test("is searched by every word, in titles, addresses, notes and tags", () => {
    const all = library({
      tags: { t: { id: 5, name: "Woods" } },
      links: {
        a: { id: 1, title: "Walden", url: "https://a.example", note: "Simplify", tags: [5] },
        b: { id: 2, title: "Emma", url: "https://b.example/walden" },
        c: { id: 3, title: "Walden", url: "https://c.example", type: "HISTORY_LINK" },
      },
    });
    const keys = (search: string, place = "all") =>
      found(all, place, search, "newest").map(({ key }) => key);
    expect(keys("walden")).toEqual(["b", "a"]);
    expect(keys("WALDEN woods")).toEqual(["a"]);
    expect(keys("simpl")).toEqual(["a"]);
    expect(keys("walden", "history")).toEqual(["c"]);
    expect(keys("walden nothing")).toEqual([]);
  });
});

describe("what was deleted", () => {
  const trash = {
    "1-folders": { table: "folders", deleted: 10, row: { id: 1, name: "A", parent: null } },
    "1-inner": { table: "folders", deleted: 10, row: { id: 2, name: "B", parent: 1 } },
    "1-link": {
      table: "links",
      deleted: 10,
      row: { id: 4, url: "u", type: "FOLDER_LINK", folder: 2, tags: [5, 6], sync: 9 },
    },
    "1-entry": { table: "panel_folders", deleted: 10, row: { id: 3, panel: 1, folder: 1 } },
    "2-other": {
      table: "links",
      deleted: 20,
      row: { id: 8, url: "v", type: "FOLDER_LINK", folder: 1, tags: [] },
    },
    "3-tag": { table: "tags", deleted: 30, row: { id: 6, name: "T" }, links: [9, 10] },
    bad: { table: "links", deleted: 1, row: "?" },
    worse: { table: "people", row: { id: 1 } },
  };
  const alive = library({
    tags: { five: { id: 5, name: "five" } },
    panels: { p: { id: 1, name: "P" } },
    links: { nine: { id: 9, url: "w", tags: [5] } },
  });
  const losses = lossesOf(records({ trash }, "trash"));

  test("lies under what took it along", () => {
    expect(losses.map(({ key, inner }) => [key, inner.map((row) => row.key)])).toEqual([
      ["3-tag", []],
      ["2-other", []],
      ["1-folders", ["1-inner", "1-link", "1-entry"]],
    ]);
  });

  test("comes back as new rows that belong together", () => {
    const [, , folder] = losses;
    const rows = folder === undefined ? [] : [folder.root, ...folder.inner];
    const puts = reborn([...rows].reverse(), alive, ({ table, id }) => `new ${table} ${id}`);
    expect(puts.map(({ key, fields }) => [key, fields])).toEqual([
      ["new folders 1", { name: "A", parent: undefined }],
      ["new folders 2", { name: "B", parent: "new folders 1" }],
      ["new links 4", { url: "u", type: "FOLDER_LINK", folder: "new folders 2", tags: [5] }],
      ["new panel_folders 3", { panel: 1, folder: "new folders 1" }],
    ]);
  });

  test("comes back by its keys where the hub had not seen it yet", () => {
    const row = { key: undefined, deleted_s: 0, links: [] } as const;
    const folder = { ...row, table: "folders", id: -1, fields: { name: "A" } } as const;
    const inside = { url: "u", folder: "a", tags: ["t"] };
    const link = { ...row, table: "links", id: -1, fields: inside } as const;
    const keys = { folders: "a", links: "l" };
    const puts = reborn([link, folder], alive, ({ table }) => keys[table as keyof typeof keys]);
    expect(puts.map(({ key, fields }) => [key, fields])).toEqual([
      ["a", { name: "A", parent: undefined }],
      ["l", { ...inside, type: "FOLDER_LINK" }],
    ]);
  });

  test("comes back without what is no more", () => {
    const [tag, other] = losses;
    const link = reborn(other === undefined ? [] : [other.root], alive, () => "k");
    expect(link.map(({ fields }) => fields)).toEqual([
      { url: "v", type: "SAVED_LINK", folder: -2, tags: [] },
    ]);
    // A tag is put on those links again that had it and are there still.
    const tags = reborn(tag === undefined ? [] : [tag.root], alive, () => "t");
    expect(tags.map(({ key, fields }) => [key, fields])).toEqual([
      ["t", { name: "T" }],
      ["nine", { tags: [5, "t"] }],
    ]);
  });
});

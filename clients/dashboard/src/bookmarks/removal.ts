// Deleting and bringing back, as writes to the space; each can be taken back.
//
// The gateway's rule takes along what hangs on a deleted row, and keeps in the trash what went.

import type { Space, Transaction, Write } from "syncline";
import { counted } from "../hub/words";
import { done } from "../spaces/undo";
import type { Folder, Library } from "./model";
import { type Put, reborn } from "./restore";
import { idOf, newKey, type Table } from "./row";
import { type Buried, buriedOf, type Loss, titleOf } from "./trash";

/** Rows of one push: well below what a hub takes, with all that its rule adds. */
const PUSH_ROWS = 500;

/** Deletes links, tags, panels or entries of panels. */
export function remove(
  space: Space,
  library: Library,
  table: Exclude<Table, "folders">,
  keys: readonly string[],
): void {
  const gone = rowsOf(space, table, new Set(keys));
  const along = table === "panels" ? entriesOf(space, "panel", gone) : [];
  const tagged = table === "tags" ? withLinks(gone, library) : gone;
  discard(space, library, table, keys, [...tagged, ...along]);
}

/** Deletes a folder, and with it all that is in it. */
export function removeFolder(space: Space, library: Library, folder: Folder): void {
  const keys = new Set<string>();
  const walk = ({ key, children }: Folder): void => {
    keys.add(key);
    children.forEach(walk);
  };
  walk(folder);
  const folders = rowsOf(space, "folders", keys);
  const inside = library.links.filter((link) => link.folder !== undefined && keys.has(link.folder));
  const links = rowsOf(space, "links", new Set(inside.map(({ key }) => key)));
  const entries = entriesOf(space, "folder", folders);
  discard(space, library, "folders", [folder.key], [...folders, ...links, ...entries]);
}

/** Deletes records; taking it back writes all that went as it was, under the keys that it had. */
function discard(
  space: Space,
  library: Library,
  table: Table,
  keys: readonly string[],
  gone: readonly Own[],
): void {
  const [first] = gone;
  const name = keys.length === 1 && first ? titleOf(first) : counted(keys.length, "link");
  const write = space.transaction((into) => {
    for (const key of keys) {
      into.delete(table, key);
    }
  });
  const own = new Map(gone.map((row) => [row as Buried, row.own]));
  done(write, `Deleted ${name}.`, () => {
    const graves = gravesOf(space, gone);
    return writeAll(
      space,
      reborn(gone, without(library, gone), (row) => own.get(row) ?? ""),
      graves,
    );
  });
}

/** A row that this page deletes, with the key that it has. */
interface Own extends Buried {
  readonly own: string;
}

function rowsOf(space: Space, table: Table, keys: ReadonlySet<string>): readonly Own[] {
  const rows = space.list(table).filter(({ key }) => keys.has(key));
  // A row without an id has not reached the hub; a number of its own tells it from the others.
  return rows.map((row, at) => {
    const id = idOf(row) ?? -1_000_000 - at;
    return { key: undefined, own: row.key, table, id, deleted_s: 0, fields: row.fields, links: [] };
  });
}

function entriesOf(space: Space, field: "panel" | "folder", of: readonly Own[]): readonly Own[] {
  const gone = new Set<unknown>(of.flatMap(({ id, own }) => [id, own]));
  const entries = space.list("panel_folders").filter(({ fields }) => gone.has(fields[field]));
  return rowsOf(space, "panel_folders", new Set(entries.map(({ key }) => key)));
}

function withLinks(tags: readonly Own[], library: Library): readonly Own[] {
  return tags.map((tag) => {
    const links = library.links.filter(({ tags: on }) => on.includes(tag.own));
    return { ...tag, links: links.map(({ id }) => id).filter((id) => id !== undefined) };
  });
}

/** A library that does not know what is gone, and no tag on a link that goes with it. */
function without(library: Library, gone: readonly Own[]): Library {
  const ids = new Set(gone.map(({ table, id }) => `${table} ${id}`));
  const tags = new Set(gone.filter(({ table }) => table === "tags").map(({ own }) => own));
  return {
    ...library,
    keyOf: (table, id) => (ids.has(`${table} ${id}`) ? undefined : library.keyOf(table, id)),
    links: library.links.map((link) => ({
      ...link,
      tags: link.tags.filter((tag) => !tags.has(tag)),
    })),
  };
}

/** What the gateway keeps of rows that this page has deleted: it is to go when they come back. */
function gravesOf(space: Space, gone: readonly Own[]): readonly string[] {
  const ids = new Set(gone.map(({ table, id }) => `${table} ${id}`));
  const graves = space.list("trash").filter((record) => {
    const buried = buriedOf(record);
    return buried !== undefined && ids.has(`${buried.table} ${buried.id}`);
  });
  return graves.map(({ key }) => key);
}

/** Brings back what was deleted. */
export function restore(space: Space, library: Library, losses: readonly Loss[]): void {
  const buried = losses.flatMap(({ root, inner }) => [root, ...inner]);
  const puts = reborn(buried, library, newKey);
  const back = new Set(puts.map(({ of }) => of));
  const graves = buried.filter((row) => back.has(row)).map(({ key }) => key);
  if (back.size === 0) {
    throw new Error("There is no panel, or no folder, for it to come back to.");
  }
  const write = writeAll(
    space,
    puts,
    graves.filter((key) => key !== undefined),
  );
  const roots = new Set(losses.map(({ root }) => root));
  const made = puts.filter(({ of }) => of !== undefined && roots.has(of));
  const [first] = losses;
  const name = losses.length === 1 && first ? titleOf(first.root) : counted(losses.length, "item");
  done(write, `Brought back ${name}.`, () =>
    space.transaction((into) => {
      for (const { table, key } of made) {
        into.delete(table, key);
      }
    }),
  );
}

/** Deletes for good what was kept of deleted rows. */
export function forget(space: Space, losses: readonly Loss[]): Promise<unknown> {
  const keys = losses.flatMap(({ root, inner }) => [root, ...inner]).map(({ key }) => key);
  return writeAll(
    space,
    [],
    keys.filter((key) => key !== undefined),
  ).whenAcked;
}

/** Writes rows and removes graves, in pushes that a hub takes; gives the last of them. */
function writeAll(space: Space, puts: readonly Put[], graves: readonly string[]): Write {
  const steps = [
    ...puts.map(
      ({ table, key, fields }) =>
        (write: Transaction) =>
          write.put(table, key, fields),
    ),
    ...graves.map((key) => (write: Transaction) => write.delete("trash", key)),
  ];
  const pushes = Array.from({ length: Math.ceil(steps.length / PUSH_ROWS) }, (_, at) => {
    return space.transaction((write) => {
      for (const step of steps.slice(at * PUSH_ROWS, (at + 1) * PUSH_ROWS)) {
        step(write);
      }
    });
  });
  return pushes.at(-1) ?? space.transaction(() => undefined);
}

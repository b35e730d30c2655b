// How deleted rows come back: each as a new one, under a key and later an id of its own, and what
// belonged together belongs together again. Pure.
//
// Ids are never given twice, since devices that were away still know the old ones. So rows that
// come back together name each other by their new keys; what they name that was not deleted they
// name as before; and what lay in a folder that is no more lies in none.

import type { Library } from "./model";
import { bare, type Fields, listOf, numberOf, PSEUDO_FOLDERS, type Table, typeOf } from "./row";
import type { Buried } from "./trash";

/** A record to write. */
export interface Put {
  readonly table: Table;
  readonly key: string;
  readonly fields: Fields;
  /** The deleted row that it brings back, if it brings one back. */
  readonly of: Buried | undefined;
}

/** Folders before what lies in them, tags before what has them. */
const ORDER: readonly Table[] = ["folders", "tags", "panels", "links", "panel_folders"];

export function reborn(
  buried: readonly Buried[],
  library: Library,
  keyFor: (row: Buried) => string,
): readonly Put[] {
  const keys = new Map(buried.map((row) => [`${row.table} ${row.id}`, keyFor(row)]));
  const refer = (table: Table, value: unknown): number | string | undefined => {
    if (typeof value === "string") {
      // The hub has not seen it yet: it still goes by its key.
      return value;
    }
    const id = typeof value === "number" ? value : undefined;
    if (id === undefined) {
      return undefined;
    }
    return keys.get(`${table} ${id}`) ?? (library.keyOf(table, id) === undefined ? undefined : id);
  };
  const puts = sorted(buried).map((row) => putOf(row, keys, refer));
  return [...puts.filter((put) => put !== undefined), ...retagged(buried, library, keys)];
}

type Refer = (table: Table, value: unknown) => number | string | undefined;

function putOf(row: Buried, keys: ReadonlyMap<string, string>, refer: Refer): Put | undefined {
  const { table, id } = row;
  const fields = fieldsOf(row, refer);
  const key = keys.get(`${table} ${id}`) ?? "";
  return fields === undefined ? undefined : { table, key, fields, of: row };
}

/** Nothing for an entry of a panel without its panel or its folder: it would show nothing. */
function fieldsOf({ table, fields }: Buried, refer: Refer): Fields | undefined {
  const own = bare(fields);
  switch (table) {
    case "folders":
      return { ...own, parent: refer("folders", fields["parent"]) };
    case "links":
      return { ...own, ...placed(fields, refer), tags: tagsOf(fields, refer) };
    case "panel_folders": {
      const folder = refer("folders", fields["folder"]);
      const panel = refer("panels", fields["panel"]);
      return folder === undefined || panel === undefined ? undefined : { ...own, folder, panel };
    }
    default:
      return own;
  }
}

function placed(fields: Fields, refer: Refer): Fields {
  const type = typeOf(fields);
  const folder = type === "FOLDER_LINK" ? refer("folders", fields["folder"]) : PSEUDO_FOLDERS[type];
  const hasLostFolder = type === "FOLDER_LINK" && folder === undefined;
  return hasLostFolder
    ? { type: "SAVED_LINK", folder: PSEUDO_FOLDERS.SAVED_LINK }
    : { type, folder };
}

function tagsOf(fields: Fields, refer: Refer): readonly (number | string)[] {
  return listOf(fields["tags"])
    .map((tag) => refer("tags", tag))
    .filter((tag) => tag !== undefined);
}

/** Links that are there still and had a tag that comes back have it again. */
function retagged(
  buried: readonly Buried[],
  library: Library,
  keys: ReadonlyMap<string, string>,
): readonly Put[] {
  const more = new Map<string, string[]>();
  for (const { table, id, links } of buried) {
    const tag = keys.get(`${table} ${id}`);
    for (const link of links) {
      const key = library.keyOf("links", link);
      if (key !== undefined && tag !== undefined) {
        more.set(key, [...(more.get(key) ?? []), tag]);
      }
    }
  }
  return library.links.flatMap((link): readonly Put[] => {
    const added = more.get(link.key);
    if (added === undefined) {
      return [];
    }
    const tags = [...link.tags.map((tag) => library.tags.get(tag)?.id ?? tag), ...added];
    return [{ table: "links", key: link.key, fields: { tags }, of: undefined }];
  });
}

/** In the order in which they can be made; of folders, those above first. */
function sorted(buried: readonly Buried[]): readonly Buried[] {
  const folders = new Map(
    buried.filter(({ table }) => table === "folders").map((row) => [row.id, row]),
  );
  const depth = (row: Buried): number => {
    let steps = 0;
    for (let at: Buried | undefined = row; at !== undefined && steps <= folders.size; steps += 1) {
      at = folders.get(numberOf(at.fields["parent"]) ?? -1);
    }
    return steps;
  };
  const rank = (row: Buried): number =>
    row.table === "folders" ? depth(row) / (folders.size + 2) : ORDER.indexOf(row.table);
  return buried
    .map((row) => ({ row, rank: rank(row) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ row }) => row);
}

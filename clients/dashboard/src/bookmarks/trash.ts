// What was deleted, as the gateway keeps it: rows by the moment in which they went, whatever went
// along under the row that took it with it. Pure.

import type { RecordView } from "syncline";
import { type Fields, listOf, numberOf, TABLES, type Table, textOf } from "./row";

/** One row that was deleted. */
export interface Buried {
  /** Its place in the trash; none for a row that this page has just deleted itself. */
  readonly key: string | undefined;
  readonly table: Table;
  readonly id: number;
  readonly deleted_s: number;
  readonly fields: Fields;
  /** The links that had it, for a tag. */
  readonly links: readonly number[];
}

/** Something that was deleted, with all that went along. */
export interface Loss {
  readonly key: string;
  readonly root: Buried;
  readonly inner: readonly Buried[];
}

const BURIED = new WeakMap<RecordView, Buried | "nothing">();

/** A record of the trash; nothing when it is none that the gateway could have written. */
export function buriedOf(record: RecordView): Buried | undefined {
  let known = BURIED.get(record);
  if (known === undefined) {
    known = read(record) ?? "nothing";
    BURIED.set(record, known);
  }
  return known === "nothing" ? undefined : known;
}

function read({ key, fields }: RecordView): Buried | undefined {
  const { row } = fields;
  const table = TABLES.find((name) => name === fields["table"]);
  if (table === undefined || typeof row !== "object" || row === null || Array.isArray(row)) {
    return undefined;
  }
  const own = row as Fields;
  const links = listOf(fields["links"]).filter((id) => typeof id === "number");
  const [id, deleted_s] = [numberOf(own["id"]), numberOf(fields["deleted"])];
  return id === undefined || deleted_s === undefined
    ? undefined
    : { key, table, id, deleted_s, fields: own, links };
}

/** What was deleted, the newest first. */
export function lossesOf(trash: readonly RecordView[]): readonly Loss[] {
  const all = trash.map(buriedOf).filter((buried) => buried !== undefined);
  const rows = new Map(all.map((row) => [nameOf(row.deleted_s, row.table, row.id), row]));
  const inner = new Map<Buried, Buried[]>();
  const roots: Buried[] = [];
  for (const row of all) {
    const root = rootOf(row, rows);
    if (root === row) {
      roots.push(row);
    } else {
      inner.set(root, [...(inner.get(root) ?? []), row]);
    }
  }
  const losses = roots.map((root) => {
    return { key: root.key ?? "", root, inner: inner.get(root) ?? [] };
  });
  return losses.sort((a, b) => b.root.deleted_s - a.root.deleted_s || (a.key < b.key ? -1 : 1));
}

const nameOf = (deleted_s: number, table: Table, id: number): string =>
  `${deleted_s} ${table} ${id}`;

/** Up from a row to what took it along. */
function rootOf(row: Buried, rows: ReadonlyMap<string, Buried>): Buried {
  const seen = new Set<Buried>();
  let at = row;
  for (let above: Buried | undefined = row; above !== undefined && !seen.has(above); ) {
    seen.add(above);
    at = above;
    above = aboveOf(above, rows);
  }
  return at;
}

/** A link and a folder go with their folder, an entry with its folder or its panel. */
function aboveOf(row: Buried, rows: ReadonlyMap<string, Buried>): Buried | undefined {
  const find = (table: Table, field: string): Buried | undefined => {
    const id = numberOf(row.fields[field]);
    return id === undefined ? undefined : rows.get(nameOf(row.deleted_s, table, id));
  };
  switch (row.table) {
    case "folders":
      return find("folders", "parent");
    case "links":
      return find("folders", "folder");
    case "panel_folders":
      return find("folders", "folder") ?? find("panels", "panel");
    default:
      return undefined;
  }
}

/** What a deleted row is called. */
export function titleOf({ fields }: Buried): string {
  return textOf(fields["name"]) || textOf(fields["title"]) || textOf(fields["url"]);
}

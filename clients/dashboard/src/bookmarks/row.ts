// Records of the space as the page reads them. A native app may have written any of them, so that
// nothing is taken for granted but that there is a record.

import type { Plain, RecordView } from "syncline";

export type Fields = { readonly [field: string]: Plain | undefined };

/** The collections of a data set; each row of the foreign protocol is a record of one. */
export const TABLES = ["folders", "links", "tags", "panels", "panel_folders"] as const;
export type Table = (typeof TABLES)[number];

const LINK_TYPES = [
  "SAVED_LINK",
  "FOLDER_LINK",
  "IMPORTANT_LINK",
  "ARCHIVE_LINK",
  "HISTORY_LINK",
] as const;
/** Which of an app's lists a link stands in. */
export type LinkType = (typeof LINK_TYPES)[number];

/** The folders that stand for those lists in records. */
export const PSEUDO_FOLDERS: Readonly<Record<LinkType, number | undefined>> = {
  SAVED_LINK: -2,
  FOLDER_LINK: undefined,
  IMPORTANT_LINK: -3,
  ARCHIVE_LINK: -4,
  HISTORY_LINK: -5,
};

/** What the gateway's rule gives a row, and nobody else. */
const RULED = ["id", "modified", "sync", "tagged"];

export const textOf = (value: Plain | undefined): string =>
  typeof value === "string" ? value : "";

export const numberOf = (value: Plain | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;

export const listOf = (value: Plain | undefined): readonly Plain[] =>
  Array.isArray(value) ? value : [];

/** A row's id; none before the hub has given one. */
export const idOf = ({ fields }: Pick<RecordView, "fields">): number | undefined =>
  numberOf(fields["id"]);

/** What a row is without what the rule gave it: so it can be written as a new one. */
export function bare(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !RULED.includes(name)));
}

/** A link's type; when nothing is said, it follows from where the link lies. */
export function typeOf(fields: Fields): LinkType {
  const said = LINK_TYPES.find((type) => type === fields["type"]);
  const { folder } = fields;
  const isInFolder = typeof folder === "string" || (typeof folder === "number" && folder > 0);
  return said ?? (isInFolder ? "FOLDER_LINK" : "SAVED_LINK");
}

/** A key for a new row: 64 random bits. Pages of an insecure origin have no `randomUUID`. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A data set at one moment: folders, links, tags and panels, each knowing the others by key. Pure.
//
//   records > parents, folders and tags by id or by key > one tree, and counts of every place
//
// A row that this page has just made has no id yet; so places are named by keys, and a reference is
// written as an id where there is one.

import type { RecordView } from "syncline";
import { siteOf } from "./address";
import { idOf, type LinkType, listOf, numberOf, type Table, textOf, typeOf } from "./row";

export interface Folder {
  readonly key: string;
  readonly id: number | undefined;
  readonly name: string;
  readonly note: string;
  readonly isArchived: boolean;
  /** The key of the folder that it lies in. */
  readonly parent: string | undefined;
  readonly depth: number;
  readonly children: readonly Folder[];
}

export interface Link {
  readonly key: string;
  readonly id: number | undefined;
  readonly title: string;
  readonly url: string;
  readonly site: string;
  readonly note: string;
  readonly type: LinkType;
  readonly isImportant: boolean;
  /** The key of its folder; none for what lies in no folder, or in one that goes just now. */
  readonly folder: string | undefined;
  /** Keys of its tags. */
  readonly tags: readonly string[];
  /** When it was last changed, in seconds; none while the hub does not have it. */
  readonly modified_s: number | undefined;
}

export interface Tag {
  readonly key: string;
  readonly id: number | undefined;
  readonly name: string;
}

/** A folder on a panel. */
export interface Entry {
  readonly key: string;
  readonly folder: string | undefined;
  readonly name: string;
  readonly position: number;
}

export interface Panel {
  readonly key: string;
  readonly id: number | undefined;
  readonly name: string;
  readonly entries: readonly Entry[];
}

export interface Library {
  readonly links: readonly Link[];
  /** By key. */
  readonly folders: ReadonlyMap<string, Folder>;
  readonly roots: readonly Folder[];
  readonly tags: ReadonlyMap<string, Tag>;
  readonly panels: readonly Panel[];
  /** How many links stand in each place, by the place's name. */
  readonly counts: ReadonlyMap<string, number>;
  /** The key of a row by its id. */
  readonly keyOf: (table: Table, id: number) => string | undefined;
}

export type Records = Readonly<Record<Table, readonly RecordView[]>>;

const NAMES = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** As people order names: 2 before 10, capitals or not. */
export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  NAMES.compare(a.name, b.name);

export const compareTexts = (a: string, b: string): number => NAMES.compare(a, b);

export function libraryOf(records: Records): Library {
  const references = referencesOf(records);
  const links = records.links.map((record) => linkOf(record, references));
  const folders = new Map<string, Folder>();
  const roots = treeOf(records.folders, references, folders);
  const tags = new Map(records.tags.map((record) => [record.key as string, tagOf(record)]));
  return {
    links,
    folders,
    roots,
    tags: new Map([...tags].sort(([, a], [, b]) => byName(a, b))),
    panels: panelsOf(records, references),
    counts: countsOf(links),
    keyOf: (table, id) => references.get(table)?.get(id),
  };
}

type References = ReadonlyMap<Table, ReadonlyMap<unknown, string>>;

/** The keys of rows, by their ids and by themselves. */
function referencesOf(records: Records): References {
  const referred = ["folders", "tags", "panels", "links"] as const;
  return new Map(
    referred.map((table) => {
      const keys = new Map<unknown, string>();
      for (const record of records[table]) {
        keys.set(record.key, record.key);
        keys.set(idOf(record), record.key);
      }
      keys.delete(undefined);
      return [table, keys];
    }),
  );
}

const LINKS = new WeakMap<RecordView, Link>();

/** The same object for as long as it reads the same: tables draw only rows that changed. */
function linkOf(record: RecordView, references: References): Link {
  const { fields } = record;
  const type = typeOf(fields);
  const folder = references.get("folders")?.get(fields["folder"]);
  const tags = listOf(fields["tags"])
    .map((tag) => references.get("tags")?.get(tag))
    .filter((key) => key !== undefined);
  const known = LINKS.get(record);
  if (known?.folder === folder && known?.tags.join("\n") === tags.join("\n")) {
    return known;
  }
  const link: Link = {
    key: record.key,
    id: idOf(record),
    title: textOf(fields["title"]),
    url: textOf(fields["url"]),
    site: textOf(fields["base_url"]).replace(/^www\./, "") || siteOf(textOf(fields["url"])),
    note: textOf(fields["note"]),
    type,
    isImportant: fields["important"] === true || type === "IMPORTANT_LINK",
    folder: type === "FOLDER_LINK" ? folder : undefined,
    tags,
    modified_s: numberOf(fields["modified"]),
  };
  LINKS.set(record, link);
  return link;
}

function tagOf(record: RecordView): Tag {
  return { key: record.key, id: idOf(record), name: textOf(record.fields["name"]) };
}

/** Whatever hangs in a circle, or on nothing, stands at the root: it is there, and can be moved. */
function treeOf(
  records: readonly RecordView[],
  references: References,
  all: Map<string, Folder>,
): readonly Folder[] {
  const below = new Map<string | undefined, RecordView[]>();
  for (const record of records) {
    const parent = references.get("folders")?.get(record.fields["parent"]);
    below.set(parent, [...(below.get(parent) ?? []), record]);
  }
  const grow = (record: RecordView, parent: string | undefined, depth: number): Folder => {
    const { key, fields } = record;
    all.set(key, NONE);
    const inner = (below.get(key) ?? []).filter((child) => !all.has(child.key));
    const children = inner.map((child) => grow(child, key, depth + 1)).sort(byName);
    const folder: Folder = {
      key,
      id: idOf(record),
      name: textOf(fields["name"]),
      note: textOf(fields["note"]),
      isArchived: fields["archived"] === true,
      parent,
      depth,
      children,
    };
    all.set(key, folder);
    return folder;
  };
  const roots = (below.get(undefined) ?? []).map((record) => grow(record, undefined, 0));
  const circles = records.filter(({ key }) => !all.has(key));
  for (const record of circles) {
    if (!all.has(record.key)) {
      roots.push(grow(record, undefined, 0));
    }
  }
  return roots.sort(byName);
}

/** Stands in the map while a folder's children are found. */
const NONE: Folder = {
  key: "",
  id: undefined,
  name: "",
  note: "",
  isArchived: false,
  parent: undefined,
  depth: 0,
  children: [],
};

function panelsOf(records: Records, references: References): readonly Panel[] {
  const entries = new Map<string | undefined, Entry[]>();
  for (const { key, fields } of records.panel_folders) {
    const panel = references.get("panels")?.get(fields["panel"]);
    const folder = references.get("folders")?.get(fields["folder"]);
    const position = numberOf(fields["position"]) ?? 0;
    const entry: Entry = { key, folder, name: textOf(fields["name"]), position };
    entries.set(panel, [...(entries.get(panel) ?? []), entry]);
  }
  const panels = records.panels.map((record): Panel => {
    const own = (entries.get(record.key) ?? []).sort(
      (a, b) => a.position - b.position || (a.key < b.key ? -1 : 1),
    );
    return {
      key: record.key,
      id: idOf(record),
      name: textOf(record.fields["name"]),
      entries: own,
    };
  });
  return panels.sort(byName);
}

/** The places that a link stands in, by name. */
export function placesOf(link: Link): readonly string[] {
  if (link.type === "HISTORY_LINK") {
    return ["history"];
  }
  const places = ["all", ...link.tags.map((key) => `tag/${key}`)];
  if (link.isImportant) {
    places.push("important");
  }
  if (link.folder !== undefined) {
    places.push(`folder/${link.folder}`);
  } else if (link.type === "ARCHIVE_LINK") {
    places.push("archive");
  } else if (link.type === "SAVED_LINK" || link.type === "FOLDER_LINK") {
    places.push("unfiled");
  }
  return places;
}

function countsOf(links: readonly Link[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const place of links.flatMap(placesOf)) {
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return counts;
}

/** A folder with all above it: Languages / Rust / Async. */
export function pathOf(library: Library, key: string): string {
  const names: string[] = [];
  for (let at = library.folders.get(key); at !== undefined; ) {
    names.unshift(at.name);
    at = at.parent === undefined ? undefined : library.folders.get(at.parent);
  }
  return names.join(" / ");
}

/** All folders in the order of the tree. */
export function inOrder(folders: readonly Folder[]): readonly Folder[] {
  return folders.flatMap((folder) => [folder, ...inOrder(folder.children)]);
}

// What a person does to bookmarks, as writes to the space; each can be taken back.
//
// The gateway's rule completes them in the hub: it gives ids and times, and tells the apps.

import type { Space, Transaction } from "syncline";
import { counted } from "../hub/words";
import { done } from "../spaces/undo";
import { called } from "./find";
import {
  type Entry,
  type Folder,
  type Library,
  type Link,
  type Panel,
  pathOf,
  type Tag,
} from "./model";
import { type Fields, type LinkType, newKey, PSEUDO_FOLDERS, type Table } from "./row";

/** Where a link lies: in a folder, by its key, or in one of the lists that are none. */
export type Spot =
  | { readonly type: "FOLDER_LINK"; readonly folder: string }
  | { readonly type: Exclude<LinkType, "FOLDER_LINK"> };

/** A tag of a link: one that there is, or one to be made. */
export interface TagChoice {
  readonly key: string | undefined;
  readonly name: string;
}

/** What a person says of a link; what is not said stays as it is. */
export interface LinkDraft {
  readonly url?: string;
  readonly title?: string;
  readonly note?: string;
  readonly isImportant?: boolean;
  readonly spot?: Spot;
  readonly tags?: readonly TagChoice[];
}

/** An id where there is one, else the key: the hub knows both. */
const refer = (row: Folder | Tag | Panel | undefined, key: string): number | string =>
  row?.id ?? key;

function placed(spot: Spot, library: Library): Fields {
  const folder =
    spot.type === "FOLDER_LINK"
      ? refer(library.folders.get(spot.folder), spot.folder)
      : PSEUDO_FOLDERS[spot.type];
  return { type: spot.type, folder };
}

/** Tags as a link's field; those that are new are made along the way. */
function tagged(
  write: Transaction,
  choices: readonly TagChoice[],
  library: Library,
): readonly (number | string)[] {
  return choices.map(({ key, name }) => {
    if (key !== undefined) {
      return refer(library.tags.get(key), key);
    }
    const made = newKey();
    write.put("tags", made, { name });
    return made;
  });
}

function fieldsOf(draft: LinkDraft, library: Library, write: Transaction): Fields {
  const { url, title, note, isImportant, spot, tags } = draft;
  return {
    // The host follows from the address.
    ...(url === undefined ? {} : { url, base_url: undefined }),
    ...(title === undefined ? {} : { title }),
    ...(note === undefined ? {} : { note }),
    ...(isImportant === undefined ? {} : { important: isImportant }),
    ...(spot === undefined ? {} : placed(spot, library)),
    ...(tags === undefined ? {} : { tags: tagged(write, tags, library) }),
  };
}

export function addLink(space: Space, library: Library, draft: LinkDraft): string {
  const key = newKey();
  const write = space.transaction((into) => {
    into.put("links", key, fieldsOf(draft, library, into));
  });
  done(write, "Added a link.", () => space.delete("links", key));
  return key;
}

export function editLink(space: Space, library: Library, link: Link, draft: LinkDraft): void {
  const text = draft.spot === undefined ? `Changed ${called(link)}.` : movedTo(draft.spot, library);
  change(space, "links", link.key, text, (write) => fieldsOf(draft, library, write));
}

/** Puts links somewhere else, all at once. */
export function moveLinks(space: Space, library: Library, links: readonly Link[], spot: Spot) {
  const put = (fieldsFor: (link: Link) => Fields) =>
    space.transaction((write) => {
      for (const link of links) {
        write.put("links", link.key, fieldsFor(link));
      }
    });
  const before = new Map(links.map(({ key }) => [key, space.get("links", key)?.fields]));
  done(
    put(() => placed(spot, library)),
    `${counted(links.length, "link")}: ${movedTo(spot, library)}`,
    () =>
      put(({ key }) => {
        const { type, folder } = before.get(key) ?? {};
        return { type, folder };
      }),
  );
}

function movedTo(spot: Spot, library: Library): string {
  switch (spot.type) {
    case "FOLDER_LINK":
      return `Moved to ${pathOf(library, spot.folder)}.`;
    case "ARCHIVE_LINK":
      return "Archived.";
    default:
      return "Moved.";
  }
}

/** Changes fields of a row; taking it back gives them what they had. */
function change(
  space: Space,
  table: Table,
  key: string,
  text: string,
  fields: (write: Transaction) => Fields,
): void {
  const before = space.get(table, key)?.fields;
  let named: readonly string[] = [];
  const write = space.transaction((into) => {
    const next = fields(into);
    named = Object.keys(next);
    into.put(table, key, next);
  });
  done(write, text, () => {
    const old = named.map((field) => [field, before?.[field]] as const);
    return space.put(table, key, Object.fromEntries(old));
  });
}

export interface FolderDraft {
  readonly name: string;
  readonly note: string;
  readonly isArchived: boolean;
  readonly parent: string | undefined;
}

function folderFields(draft: FolderDraft, library: Library): Fields {
  const { name, note, isArchived, parent } = draft;
  const above = parent === undefined ? undefined : refer(library.folders.get(parent), parent);
  return { name, note, archived: isArchived, parent: above };
}

export function addFolder(space: Space, library: Library, draft: FolderDraft): string {
  return add(space, "folders", draft.name, folderFields(draft, library));
}

export function editFolder(space: Space, library: Library, folder: Folder, draft: FolderDraft) {
  change(space, "folders", folder.key, `Changed ${draft.name}.`, () =>
    folderFields(draft, library),
  );
}

export const addTag = (space: Space, name: string): string => add(space, "tags", name, { name });

export const addPanel = (space: Space, name: string): string =>
  add(space, "panels", name, { name });

function add(space: Space, table: Table, name: string, fields: Fields): string {
  const key = newKey();
  done(space.put(table, key, fields), `Added ${name}.`, () => space.delete(table, key));
  return key;
}

export function rename(space: Space, table: "tags" | "panels", key: string, name: string): void {
  change(space, table, key, `Renamed to ${name}.`, () => ({ name }));
}

/** Puts a folder on a panel, behind those that are there. */
export function addEntry(space: Space, panel: Panel, folder: Folder): void {
  const position = Math.max(-1, ...panel.entries.map((entry) => entry.position)) + 1;
  add(space, "panel_folders", folder.name, {
    panel: refer(panel, panel.key),
    folder: refer(folder, folder.key),
    name: folder.name,
    position,
  });
}

/** Moves an entry one place up or down: every entry gets the place at which it stands then. */
export function moveEntry(space: Space, panel: Panel, entry: Entry, step: -1 | 1): void {
  const order = [...panel.entries];
  const from = order.indexOf(entry);
  order.splice(from, 1);
  order.splice(from + step, 0, entry);
  const moved = order
    .map(({ key, position }, to) => ({ key, position, to }))
    .filter(({ position, to }) => position !== to);
  const put = (place: "position" | "to") =>
    space.transaction((write) => {
      for (const one of moved) {
        write.put("panel_folders", one.key, { position: one[place] });
      }
    });
  done(put("to"), `Moved ${entry.name}.`, () => put("position"));
}

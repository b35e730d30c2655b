// A data set that has begun: places at the side, what is in one of them beside it.

import { type ReactNode, useMemo, useState } from "react";
import type { Space } from "syncline";
import { useSpaceStatus } from "syncline/react";
import { useSession } from "../hub/session";
import { Icon } from "../parts/icon";
import { Empty, Loading } from "../parts/states";
import { useFollowed } from "../spaces/followed";
import { Standing } from "../spaces/standing";
import { Connect } from "./connect";
import { Deleted } from "./deleted";
import type { Info } from "./info";
import { useLibrary, useTrash } from "./library";
import { Links } from "./links";
import { FolderDialog, NameDialog, NewLink } from "./make";
import { type Library, pathOf } from "./model";
import { PanelView } from "./panel";
import { goTo, nameOf, type Place } from "./place";
import { remove, removeFolder } from "./removal";
import { type Making, Side, titleOfList } from "./side";
import { type Loss, lossesOf } from "./trash";
import { Welcome } from "./welcome";

/** What stands over the page: something to make, or the place's own row to change. */
type Open = Making | "edit";

export function Bookmarks(props: {
  readonly name: string;
  readonly info: Info | undefined;
  readonly place: Place;
  readonly isAdding: boolean;
  readonly children: ReactNode;
}) {
  const { name, info, place } = props;
  const { client } = useSession();
  const space = useMemo(() => client.space(name), [client, name]);
  useFollowed(space, client);
  const { library, fresh } = useLibrary(space);
  const trash = useTrash(space);
  const losses = useMemo(() => lossesOf(trash), [trash]);
  const [open, setOpen] = useState<Open | undefined>(props.isAdding ? "link" : undefined);
  const [search, setSearch] = useSearch(place);
  const isReadOnly = useSpaceStatus(space).isWritable === false;
  const own = { space, library, place };
  const title = titleOf(library, place);
  const isEverywhere = search.trim() !== "" && place.kind !== "deleted";
  return (
    <>
      <header className="title">
        <h1>Bookmarks</h1>
        {props.children}
        <Standing space={space} />
        {!["panel", "connect"].includes(place.kind) && (
          <input
            type="search"
            className="search"
            placeholder={place.kind === "deleted" ? "Find what was deleted" : "Find links"}
            aria-label="Find"
            value={search}
            onChange={({ target }) => setSearch(target.value)}
          />
        )}
        <button
          type="button"
          className="button primary"
          disabled={isReadOnly}
          onClick={() => setOpen("link")}
        >
          <Icon name="plus" /> Link
        </button>
      </header>
      <div className="browser bookmarks">
        <Side
          library={library}
          place={place}
          title={title}
          isReadOnly={isReadOnly}
          deleted={losses.length}
          make={setOpen}
        />
        <div className="place-content">
          {isEverywhere ? (
            <h2>Found in all bookmarks</h2>
          ) : (
            <Head {...own} title={title} isReadOnly={isReadOnly} open={setOpen} />
          )}
          <Content
            {...own}
            info={info}
            fresh={fresh}
            losses={losses}
            search={search}
            isReadOnly={isReadOnly}
            add={() => setOpen("link")}
          />
        </div>
      </div>
      {open !== undefined && <Opened {...own} open={open} close={() => setOpen(undefined)} />}
    </>
  );
}

/** What is looked for; whoever goes to another place looks there, and no longer for that. */
function useSearch(place: Place): readonly [string, (text: string) => void] {
  const at = nameOf(place);
  const [search, setSearch] = useState({ at, text: "" });
  return [search.at === at ? search.text : "", (text) => setSearch({ at, text })];
}

interface Own {
  readonly space: Space;
  readonly library: Library;
  readonly place: Place;
}

function titleOf(library: Library, { kind, key = "" }: Place): string {
  switch (kind) {
    case "folder":
      return library.folders.has(key) ? pathOf(library, key) : "Folder";
    case "tag":
      return library.tags.get(key)?.name ?? "Tag";
    case "panel":
      return library.panels.find((panel) => panel.key === key)?.name ?? "Panel";
    case "deleted":
      return "Deleted";
    case "connect":
      return "Connect an app";
    default:
      return titleOfList(kind);
  }
}

/** The place's name, its note, and what can be done to it. */
function Head(
  props: Own & {
    readonly title: string;
    readonly isReadOnly: boolean;
    readonly open: (what: Open) => void;
  },
) {
  const { library, place, title, isReadOnly, open } = props;
  const folder = place.kind === "folder" ? library.folders.get(place.key ?? "") : undefined;
  const isRow = rowOf(props) !== undefined;
  return (
    <header className="place-head">
      <h2>{title}</h2>
      {folder?.isArchived && <span className="tag">archived</span>}
      {isRow && !isReadOnly && (
        <span className="row-buttons">
          <button type="button" className="button small" onClick={() => open("edit")}>
            <Icon name="edit" /> {folder ? "Edit" : "Rename"}
          </button>
          <button type="button" className="button small danger" onClick={() => drop(props)}>
            <Icon name="trash" /> Delete
          </button>
        </span>
      )}
      {folder && folder.note !== "" && <p className="place-note">{folder.note}</p>}
    </header>
  );
}

/** The row that a place is. */
function rowOf({ library, place: { kind, key = "" } }: Own) {
  switch (kind) {
    case "folder":
      return library.folders.get(key);
    case "tag":
      return library.tags.get(key);
    case "panel":
      return library.panels.find((panel) => panel.key === key);
    default:
      return undefined;
  }
}

/** Deletes the row that the place is, and goes to where its content was all along. */
function drop({ space, library, place }: Own): void {
  const { user, kind, key = "" } = place;
  const folder = kind === "folder" ? library.folders.get(key) : undefined;
  const above = folder?.parent;
  goTo({ user, kind: above === undefined ? "all" : "folder", key: above, link: undefined });
  if (folder !== undefined) {
    removeFolder(space, library, folder);
  } else {
    remove(space, library, kind === "tag" ? "tags" : "panels", [key]);
  }
}

function Content(
  props: Own & {
    readonly info: Info | undefined;
    readonly fresh: ReadonlySet<string>;
    readonly losses: readonly Loss[];
    readonly search: string;
    readonly isReadOnly: boolean;
    readonly add: () => void;
  },
) {
  const { space, library, place, info, search, isReadOnly } = props;
  const isLive = useSpaceStatus(space).isLive;
  switch (place.kind) {
    case "connect":
      return info === undefined ? <Loading /> : <Connect info={info} />;
    case "deleted":
      return <Deleted {...props} />;
    case "panel": {
      const panel = library.panels.find(({ key }) => key === place.key);
      return panel === undefined ? (
        <Empty title="There is no such panel" />
      ) : (
        <PanelView {...props} panel={panel} />
      );
    }
    default:
      return isBlank(library) && isLive && search === "" ? (
        <Welcome user={place.user} isReadOnly={isReadOnly} add={props.add} />
      ) : (
        <Links {...props} />
      );
  }
}

const isBlank = ({ links, folders, tags, panels }: Library): boolean =>
  links.length + folders.size + tags.size + panels.length === 0;

/** The dialog that is open. */
function Opened(props: Own & { readonly open: Open; readonly close: () => void }) {
  const { open, ...rest } = props;
  switch (open) {
    case "link":
      return <NewLink {...rest} />;
    case "folder":
      return <FolderDialog {...rest} />;
    case "tag":
    case "panel":
      return <NameDialog {...rest} what={open} />;
    default:
      return <EditDialog {...rest} />;
  }
}

function EditDialog(props: Own & { readonly close: () => void }) {
  const { library, place } = props;
  if (place.kind === "folder") {
    const folder = library.folders.get(place.key ?? "");
    return folder === undefined ? null : <FolderDialog {...props} folder={folder} />;
  }
  const row = rowOf(props);
  const what = place.kind === "tag" ? "tag" : "panel";
  return row === undefined ? null : <NameDialog {...props} what={what} row={row} />;
}

// The folders as a tree: arrow keys move through it, right opens, left closes.

import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { count } from "../hub/words";
import { Icon } from "../parts/icon";
import type { Folder, Library } from "./model";
import { hrefOf } from "./place";

/** A step to the right for each level. */
const INDENT_REM = 0.9;

export function FolderTree(props: {
  readonly library: Library;
  readonly user: string;
  /** The key of the folder that is looked at. */
  readonly current: string | undefined;
}) {
  const { library, user, current } = props;
  const { closed, toggle } = useClosed(library, current);
  const [focused, setFocused] = useState<string>();
  const tree = useRef<HTMLDivElement>(null);
  const shown = visible(library.roots, closed);
  // One of them is in the order of the Tab key; the arrow keys reach the others.
  const stop = shown.find(({ key }) => key === (focused ?? current)) ?? shown[0];

  const focus = (folder: Folder | undefined): void => {
    if (folder !== undefined) {
      setFocused(folder.key);
      tree.current
        ?.querySelector<HTMLElement>(`[data-folder="${CSS.escape(folder.key)}"]`)
        ?.focus();
    }
  };
  const pressed = (event: KeyboardEvent): void => {
    const at = shown.findIndex(({ key }) => key === stop?.key);
    const folder = shown[at];
    if (folder === undefined) {
      return;
    }
    const isOpen = folder.children.length > 0 && !closed.has(folder.key);
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => focus(shown[at + 1]),
      ArrowUp: () => focus(shown[at - 1]),
      Home: () => focus(shown[0]),
      End: () => focus(shown.at(-1)),
      ArrowRight: () =>
        isOpen || folder.children.length === 0 ? focus(folder.children[0]) : toggle(folder.key),
      ArrowLeft: () =>
        isOpen ? toggle(folder.key) : focus(library.folders.get(folder.parent ?? "")),
      " ": () => toggle(folder.key),
    };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      move();
    }
  };
  return (
    <div ref={tree} className="tree" role="tree" aria-label="Folders" onKeyDown={pressed}>
      {shown.map((folder) => (
        <a
          key={folder.key}
          className={folder.isArchived ? "place archived" : "place"}
          role="treeitem"
          href={hrefOf(user, "folder", folder.key)}
          style={{ paddingLeft: `${folder.depth * INDENT_REM}rem` }}
          data-folder={folder.key}
          aria-level={folder.depth + 1}
          aria-selected={folder.key === current}
          aria-expanded={folder.children.length === 0 ? undefined : !closed.has(folder.key)}
          tabIndex={folder === stop ? 0 : -1}
          onFocus={() => setFocused(folder.key)}
        >
          <Twist folder={folder} isClosed={closed.has(folder.key)} toggle={toggle} />
          <Icon name="folder" />
          <span className="place-name" title={folder.name}>
            {folder.name}
          </span>
          <span className="place-count">
            {count(library.counts.get(`folder/${folder.key}`) ?? 0)}
          </span>
        </a>
      ))}
    </div>
  );
}

/** For a pointer; the keys do it for everybody else. */
function Twist(props: {
  readonly folder: Folder;
  readonly isClosed: boolean;
  readonly toggle: (key: string) => void;
}) {
  const { folder, isClosed, toggle } = props;
  if (folder.children.length === 0) {
    return <i className="twist" />;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the tree hears the keys for it
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    <i
      className={isClosed ? "twist closed" : "twist open"}
      onClick={(event) => {
        event.preventDefault();
        toggle(folder.key);
      }}
    />
  );
}

/** Which folders are closed; the way to the one that is looked at is open. */
function useClosed(library: Library, current: string | undefined) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const toggle = (key: string): void =>
    setClosed((before) => {
      const next = new Set(before);
      if (!next.delete(key)) {
        next.add(key);
      }
      return next;
    });
  const above = ancestors(library, current).join("\n");
  useEffect(() => {
    const way = new Set(above.split("\n"));
    setClosed((before) => new Set([...before].filter((key) => !way.has(key))));
  }, [above]);
  return { closed, toggle };
}

function ancestors(library: Library, key: string | undefined): readonly string[] {
  const parent = key === undefined ? undefined : library.folders.get(key)?.parent;
  return parent === undefined ? [] : [...ancestors(library, parent), parent];
}

function visible(folders: readonly Folder[], closed: ReadonlySet<string>): readonly Folder[] {
  return folders.flatMap((folder) => [
    folder,
    ...(closed.has(folder.key) ? [] : visible(folder.children, closed)),
  ]);
}

// A choice of where a link or a folder lies.

import { inOrder, type Library, type Link } from "./model";
import type { Spot } from "./write";

const LISTS = {
  SAVED_LINK: "Unfiled",
  IMPORTANT_LINK: "Important links",
  ARCHIVE_LINK: "Archive",
  HISTORY_LINK: "History",
} as const;

/** Where a link lies now. */
export function spotOf({ type, folder }: Link): Spot {
  if (type !== "FOLDER_LINK") {
    return { type };
  }
  return folder === undefined ? { type: "SAVED_LINK" } : { type, folder };
}

const FOLDER = "folder/";

export function SpotChoice(props: {
  readonly library: Library;
  readonly value: Spot;
  readonly isDisabled?: boolean;
  /** What it is called where no label stands around it. */
  readonly label?: string;
  /** What stands in the place of the history, where nothing can be put. */
  readonly nowhere?: string;
  readonly choose: (spot: Spot) => void;
}) {
  const { library, value, nowhere, choose } = props;
  const chosen = value.type === "FOLDER_LINK" ? `${FOLDER}${value.folder}` : value.type;
  const lists = Object.entries(LISTS) as [keyof typeof LISTS, string][];
  return (
    <select
      aria-label={props.label}
      value={chosen}
      disabled={props.isDisabled}
      onChange={({ target }) => choose(read(target.value))}
    >
      {lists
        .filter(([type]) => type !== "HISTORY_LINK" || value.type === type)
        .map(([type, title]) => (
          <option key={type} value={type}>
            {type === "HISTORY_LINK" ? (nowhere ?? title) : title}
          </option>
        ))}
      <FolderOptions library={library} prefix={FOLDER} />
    </select>
  );
}

function read(text: string): Spot {
  if (text.startsWith(FOLDER)) {
    return { type: "FOLDER_LINK", folder: text.slice(FOLDER.length) };
  }
  return { type: text as keyof typeof LISTS };
}

/** All folders, each below its own; but one, and what lies in it, where that makes no sense. */
export function FolderOptions(props: {
  readonly library: Library;
  readonly prefix?: string;
  readonly but?: string | undefined;
}) {
  const { library, prefix = "", but } = props;
  const own = but === undefined ? undefined : library.folders.get(but);
  const left = new Set(own === undefined ? [] : inOrder([own]).map(({ key }) => key));
  return inOrder(library.roots)
    .filter(({ key }) => !left.has(key))
    .map(({ key, name, depth }) => (
      <option key={key} value={`${prefix}${key}`}>
        {`${"\u2003".repeat(depth)}${name}`}
      </option>
    ));
}

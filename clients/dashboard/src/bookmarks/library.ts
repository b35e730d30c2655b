// The data set as it changes, at a pace that the page can bear.

import { useEffect, useState } from "react";
import type { RecordView, Space } from "syncline";
import { follow } from "../spaces/sample";
import { type Library, libraryOf } from "./model";
import { TABLES } from "./row";

/** A library at one moment. */
export interface Sampled {
  readonly library: Library;
  /** Keys of the links that were not there at the moment before. */
  readonly fresh: ReadonlySet<string>;
}

const TRASH = "trash";

/** The library of a space, read again after changes. */
export function useLibrary(space: Space): Sampled {
  const [sampled, setSampled] = useState<Sampled>(() => ({
    library: read(space),
    fresh: new Set(),
  }));
  useEffect(() => {
    let known: ReadonlySet<string> | undefined;
    return follow(
      () => {
        const library = read(space);
        const keys = new Set(library.links.map(({ key }) => key));
        const before = known;
        // What a first copy brings is not news.
        const isNews = before !== undefined && space.status().isLive;
        const arrived = isNews ? [...keys].filter((key) => !before.has(key)) : [];
        known = space.status().isLive ? keys : undefined;
        setSampled({ library, fresh: new Set(arrived) });
      },
      (changed) => hear(space, TABLES, changed),
    );
  }, [space]);
  return sampled;
}

/** What the gateway keeps of what was deleted. */
export function useTrash(space: Space): readonly RecordView[] {
  const [records, setRecords] = useState(() => space.list(TRASH));
  useEffect(
    () =>
      follow(
        () => setRecords(space.list(TRASH)),
        (changed) => hear(space, [TRASH], changed),
      ),
    [space],
  );
  return records;
}

/** The space holds more than rows, such as the events for apps: they are nothing to look at. */
function hear(space: Space, collections: readonly string[], changed: () => void): () => void {
  return space.subscribe({}, (records) => {
    if (records.some(({ collection }) => collections.includes(collection))) {
      changed();
    }
  });
}

function read(space: Space): Library {
  const [folders, links, tags, panels, panel_folders] = TABLES.map((table) => space.list(table));
  return libraryOf({
    folders: folders ?? [],
    links: links ?? [],
    tags: tags ?? [],
    panels: panels ?? [],
    panel_folders: panel_folders ?? [],
  });
}

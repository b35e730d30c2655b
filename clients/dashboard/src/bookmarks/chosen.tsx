// Several links at once: which are chosen, and what is done to them.

import { useState } from "react";
import type { Space } from "syncline";
import { count } from "../hub/words";
import { Icon } from "../parts/icon";
import type { Column } from "../parts/table";
import { called } from "./find";
import type { Library, Link } from "./model";
import { remove } from "./removal";
import { SpotChoice } from "./spot";
import { moveLinks, type Spot } from "./write";

/** Which links are chosen; none any more once one looks elsewhere. */
export function useChosen(at: string) {
  const [chosen, setChosen] = useState<{ readonly at: string; readonly keys: ReadonlySet<string> }>(
    {
      at,
      keys: new Set(),
    },
  );
  const keys: ReadonlySet<string> = chosen.at === at ? chosen.keys : new Set();
  return [keys, (next: Iterable<string>) => setChosen({ at, keys: new Set(next) })] as const;
}

/** A column of boxes to choose by. */
export function chosenColumn(
  keys: ReadonlySet<string>,
  choose: (keys: Iterable<string>) => void,
): Column<Link> {
  const toggle = (key: string): void =>
    choose(keys.has(key) ? [...keys].filter((other) => other !== key) : [...keys, key]);
  return {
    title: "",
    width: "1rem",
    draw: (link) => (
      <input
        type="checkbox"
        aria-label={`Choose ${called(link)}`}
        checked={keys.has(link.key)}
        onClick={(event) => event.stopPropagation()}
        onChange={() => toggle(link.key)}
      />
    ),
  };
}

/** Nowhere in particular: the choice of a place begins with a word for what it does. */
const NOWHERE = { type: "HISTORY_LINK" } as const satisfies Spot;

export function ChosenBar(props: {
  readonly space: Space;
  readonly library: Library;
  /** What is shown, of which some are chosen. */
  readonly links: readonly Link[];
  readonly keys: ReadonlySet<string>;
  readonly choose: (keys: Iterable<string>) => void;
}) {
  const { space, library, links, keys, choose } = props;
  const chosen = links.filter(({ key }) => keys.has(key));
  const move = (spot: Spot): void => {
    moveLinks(space, library, chosen, spot);
    choose([]);
  };
  const drop = (): void => {
    const gone = chosen.map(({ key }) => key);
    choose([]);
    remove(space, library, "links", gone);
  };
  return (
    <div className="tools chosen" role="toolbar" aria-label="Chosen links">
      <span className="tools-note">{count(chosen.length)} chosen</span>
      {chosen.length < links.length && (
        <button
          type="button"
          className="button small"
          onClick={() => choose(links.map(({ key }) => key))}
        >
          Choose all {count(links.length)}
        </button>
      )}
      <SpotChoice
        library={library}
        value={NOWHERE}
        label="Move the chosen links"
        nowhere="Move to …"
        choose={move}
      />
      <button type="button" className="button small danger" onClick={drop}>
        <Icon name="trash" /> Delete
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Choose none"
        onClick={() => choose([])}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

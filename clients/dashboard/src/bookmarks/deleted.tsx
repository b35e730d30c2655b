// What was deleted, by whichever app, and the way back.

import { useMemo, useState } from "react";
import type { Space } from "syncline";
import { count, counted, moment, relative } from "../hub/words";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { complain } from "../parts/toast";
import { type Library, pathOf } from "./model";
import { forget, restore } from "./removal";
import { numberOf, type Table as RowTable, textOf, typeOf } from "./row";
import { type Buried, type Loss, titleOf } from "./trash";

/** How long the gateway keeps what was deleted. */
const KEPT_DAYS = 90;

const KINDS: Readonly<Record<RowTable, string>> = {
  folders: "folder",
  links: "link",
  tags: "tag",
  panels: "panel",
  panel_folders: "on a panel",
};

export function Deleted(props: {
  readonly space: Space;
  readonly library: Library;
  readonly losses: readonly Loss[];
  readonly search: string;
  readonly isReadOnly: boolean;
}) {
  const { space, library, losses, search, isReadOnly } = props;
  const [chosen, setMoment] = useState<number>();
  // What was chosen may have come back, all of it.
  const isThere = losses.some(({ root }) => root.deleted_s === chosen);
  const moment_s = isThere ? chosen : undefined;
  const [isForgetting, setForgetting] = useState(false);
  const shown = useMemo(() => foundIn(losses, search, moment_s), [losses, search, moment_s]);
  const back = (some: readonly Loss[]): void => {
    try {
      restore(space, library, some);
    } catch (error) {
      complain(error);
    }
  };
  if (losses.length === 0) {
    return (
      <Empty title="Nothing was deleted">
        <p>
          What you or an app deletes is kept here for {KEPT_DAYS} days. No app is shown any of it.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <div className="tools">
        <Moments losses={losses} value={moment_s} choose={setMoment} />
        <span className="tools-note">Kept for {KEPT_DAYS} days.</span>
        {!isReadOnly && shown.length > 0 && (
          <>
            <button type="button" className="button small" onClick={() => setForgetting(true)}>
              <Icon name="trash" /> Forget {count(shown.length)}
            </button>
            {shown.length > 1 && (
              <button type="button" className="button small" onClick={() => back(shown)}>
                <Icon name="undo" /> Bring back all {count(shown.length)}
              </button>
            )}
          </>
        )}
      </div>
      {shown.length === 0 ? (
        <Empty title="Nothing found" />
      ) : (
        <Table
          label="Deleted"
          columns={columnsOf(library, isReadOnly ? undefined : (loss) => back([loss]))}
          items={shown}
          keyOf={({ key }) => key}
        />
      )}
      {isForgetting && <Forget space={space} losses={shown} close={() => setForgetting(false)} />}
    </>
  );
}

function foundIn(
  losses: readonly Loss[],
  search: string,
  moment_s: number | undefined,
): readonly Loss[] {
  const words = search.toLowerCase().split(/\s+/);
  return losses.filter(({ root, inner }) => {
    const isThen = moment_s === undefined || root.deleted_s === moment_s;
    const text = [root, ...inner].map(textIn).join("\n");
    return isThen && words.every((word) => text.includes(word));
  });
}

const textIn = ({ fields }: Buried): string =>
  ["name", "title", "url", "note"].map((name) => textOf(fields[name]).toLowerCase()).join("\n");

/** Moments in which several things went: whoever deletes everything wants one of them back whole. */
function Moments(props: {
  readonly losses: readonly Loss[];
  readonly value: number | undefined;
  readonly choose: (moment_s: number | undefined) => void;
}) {
  const counts = new Map<number, number>();
  for (const { root } of props.losses) {
    counts.set(root.deleted_s, (counts.get(root.deleted_s) ?? 0) + 1);
  }
  const several = [...counts].filter(([, number]) => number > 1);
  return (
    <select
      aria-label="When"
      value={props.value ?? ""}
      onChange={({ target }) => props.choose(target.value === "" ? undefined : +target.value)}
    >
      <option value="">at any time</option>
      {several.map(([at_s, number]) => (
        <option key={at_s} value={at_s}>
          {moment(at_s * 1000)}: {counted(number, "item")}
        </option>
      ))}
    </select>
  );
}

function columnsOf(
  library: Library,
  back: ((loss: Loss) => void) | undefined,
): readonly Column<Loss>[] {
  return [
    {
      title: "What",
      width: "minmax(8rem, 3fr)",
      draw: ({ root, inner }) => (
        <span title={textOf(root.fields["url"])}>
          {titleOf(root) || <em>without a name</em>}
          {inner.length > 0 && <em> and {counted(inner.length, "row")} with it</em>}
        </span>
      ),
    },
    { title: "Kind", width: "6rem", isWide: true, draw: ({ root }) => kindOf(root) },
    {
      title: "Was in",
      width: "minmax(5rem, 1fr)",
      isWide: true,
      draw: ({ root }) => wasIn(root, library),
    },
    {
      title: "Deleted",
      width: "6.5rem",
      draw: ({ root: { deleted_s } }) => (
        <time title={moment(deleted_s * 1000)}>{relative(deleted_s * 1000)}</time>
      ),
    },
    {
      title: "",
      width: "6.5rem",
      isNumber: true,
      draw: (loss) =>
        back && (
          <button
            type="button"
            className="button small"
            aria-label={`Bring back ${titleOf(loss.root)}`}
            onClick={() => back(loss)}
          >
            Bring back
          </button>
        ),
    },
  ];
}

function kindOf({ table, fields }: Buried): string {
  return table === "links" && typeOf(fields) === "HISTORY_LINK" ? "visit" : KINDS[table];
}

function wasIn({ fields }: Buried, library: Library): string {
  const id = numberOf(fields["folder"]) ?? numberOf(fields["parent"]);
  const key = id === undefined ? undefined : library.keyOf("folders", id);
  return key === undefined ? "" : pathOf(library, key);
}

function Forget(props: {
  readonly space: Space;
  readonly losses: readonly Loss[];
  readonly close: () => void;
}) {
  const { space, losses, close } = props;
  const submit = async (): Promise<void> => {
    await forget(space, losses);
    close();
  };
  return (
    <Dialog title="Forget for good" action="Forget" isDangerous submit={submit} close={close}>
      <p>{counted(losses.length, "item")} and all that went along: there is no way back.</p>
    </Dialog>
  );
}

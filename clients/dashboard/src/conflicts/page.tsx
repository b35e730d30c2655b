// What last write wins threw away: who, when, old and new side by side; and the way to bring it
// back.

import { useCallback, useEffect, useMemo, useState } from "react";
import { repeat, useList } from "../hub/answer";
import { ask, askAll, spacePath } from "../hub/request";
import type { Conflict, SpaceInfo, Writer } from "../hub/shapes";
import { count, counted, moment, relative, stampMs } from "../hub/words";
import { Await, Empty, Failed, Loading } from "../parts/states";
import { complain, say } from "../parts/toast";
import { go, href, useRoute } from "../route";

interface Kept extends Conflict {
  readonly space: string;
}

/** Spaces that are looked through at once, the newest of their conflicts first. */
const SPACES_MAX = 50;
/** More cards than a person goes through. */
const SHOWN_MAX = 100;
const EVERY_MS = 4_000;

export function ConflictsPage() {
  const [, only] = useRoute();
  const spaces = useList<SpaceInfo>("/spaces", EVERY_MS);
  return (
    <>
      <header className="title">
        <h1>Conflicts</h1>
        <select
          aria-label="Space"
          value={only ?? ""}
          onChange={({ target }) => go(...["conflicts", target.value].filter((it) => it !== ""))}
        >
          <option value="">all spaces</option>
          {(spaces.data ?? []).map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </header>
      <Await answer={spaces}>{(all) => <Found spaces={all} only={only} />}</Await>
    </>
  );
}

function Found(props: {
  readonly spaces: readonly SpaceInfo[];
  readonly only: string | undefined;
}) {
  const { spaces, only } = props;
  const names = spaces
    .filter(({ name, conflict_bytes }) => conflict_bytes > 0 && (only ?? name) === name)
    .slice(0, SPACES_MAX)
    .map(({ name }) => name);
  const { found, error, reload } = useConflicts(names.join("\n"));
  const open = found?.filter(({ restored }) => !restored).length ?? 0;
  if (found === undefined) {
    return error === undefined ? <Loading /> : <Failed error={error} retry={reload} />;
  }
  if (found.length === 0) {
    return (
      <Empty title="Nothing was lost">
        <p>
          When two devices write the same field without knowing of each other, the later write wins.
          The other one is kept here for 30 days.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <p className="summary">
        {counted(found.length, "write")} lost unseen, {count(open)} of them not brought back.
        {found.length > SHOWN_MAX && ` Shown are the newest ${SHOWN_MAX}.`}
      </p>
      <ul className="conflicts">
        {found.slice(0, SHOWN_MAX).map((conflict) => (
          <Card key={`${conflict.space} ${conflict.id}`} conflict={conflict} reload={reload} />
        ))}
      </ul>
    </>
  );
}

/** The conflicts of these spaces, newest first. */
function useConflicts(names: string) {
  const [found, setFound] = useState<readonly Kept[]>();
  const [error, setError] = useState<Error>();
  const [round, setRound] = useState(0);
  const spaces = useMemo(() => names.split("\n").filter((name) => name !== ""), [names]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again at once
  useEffect(
    () =>
      repeat(EVERY_MS, async (isOver) => {
        const lists = spaces.map(async (space) => {
          const list = await askAll<Conflict>(spacePath(space, "conflicts"));
          return list.map((conflict) => ({ ...conflict, space }));
        });
        const asked = await Promise.all(lists).catch((failed: Error) => failed);
        if (isOver()) {
          return;
        }
        if (asked instanceof Error) {
          setError(asked);
        } else {
          setFound(asked.flat().sort((a, b) => b.at_ms - a.at_ms));
          setError(undefined);
        }
      }),
    [spaces, round],
  );
  const reload = useCallback(() => setRound((number) => number + 1), []);
  return { found, error, reload };
}

function Card({ conflict, reload }: { readonly conflict: Kept; readonly reload: () => void }) {
  const { space, collection, key, field, at_ms, id, restored, loser, winner } = conflict;
  const [isBusy, setBusy] = useState(false);
  const restore = (): void => {
    setBusy(true);
    ask(`POST ${spacePath(space, "conflicts", id, "restore")}`)
      .then(() => {
        say(`Brought back ${field} of ${key}.`);
        reload();
      }, complain)
      .finally(() => setBusy(false));
  };
  return (
    <li className={restored ? "conflict restored" : "conflict"}>
      <header>
        <a className="conflict-place" href={href("spaces", space, "records", collection, key)}>
          <span>
            {space} / {collection} /
          </span>{" "}
          <strong>{key}</strong>
        </a>
        <code>{field}</code>
        <time title={moment(at_ms)}>noticed {relative(at_ms)}</time>
        {restored ? (
          <span className="tag good">shows again</span>
        ) : (
          <button type="button" className="button small" disabled={isBusy} onClick={restore}>
            Bring back
          </button>
        )}
      </header>
      <div className="sides">
        <Side
          title="Lost"
          writer={loser}
          text={conflict.dropped ? undefined : wordsOf(conflict.value)}
          nothing="the field was dropped"
        />
        <Side
          title="Shows"
          writer={winner}
          text={"current" in conflict ? wordsOf(conflict.current) : undefined}
          nothing="nothing"
        />
      </div>
    </li>
  );
}

function Side(props: {
  readonly title: string;
  readonly writer: Writer;
  readonly text: string | undefined;
  readonly nothing: string;
}) {
  const { title, writer, text, nothing } = props;
  const at_ms = stampMs(writer.stamp);
  const who = writer.name ?? writer.device ?? "the hub";
  return (
    <section className="side-by-side">
      <h3>
        {title}{" "}
        <span>
          {writer.account !== null && `${writer.account}, `}
          {who}, <time title={moment(at_ms)}>{relative(at_ms)}</time>
        </span>
      </h3>
      <pre>{text ?? <em>{nothing}</em>}</pre>
    </section>
  );
}

function wordsOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
}

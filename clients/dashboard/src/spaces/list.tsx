// All spaces that one may know of, and a way to make another.

import { useState } from "react";
import { useList } from "../hub/answer";
import { ask } from "../hub/request";
import { useSession } from "../hub/session";
import type { SpaceInfo } from "../hub/shapes";
import { bytes, count } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Await, Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { go, href } from "../route";

const COLUMNS: readonly Column<SpaceInfo>[] = [
  {
    title: "Space",
    width: "minmax(9rem, 2fr)",
    draw: ({ name }) => (
      <a className="strong" href={href("spaces", name)}>
        {name}
      </a>
    ),
  },
  { title: "Owner", width: "minmax(5rem, 1fr)", isWide: true, draw: ({ owner }) => owner },
  { title: "You are", width: "6rem", isWide: true, draw: ({ role }) => role },
  { title: "Records", width: "6rem", isNumber: true, draw: ({ records }) => count(records) },
  { title: "Size", width: "6rem", isNumber: true, draw: (space) => bytes(space.bytes) },
  {
    title: "Sequence",
    width: "7rem",
    isNumber: true,
    isWide: true,
    draw: ({ sequence }) => count(sequence),
  },
  {
    title: "Log",
    width: "6rem",
    isNumber: true,
    isWide: true,
    draw: ({ log_entries }) => count(log_entries),
  },
];

export function SpaceList() {
  const spaces = useList<SpaceInfo>("/spaces", 2_000);
  const [isMaking, setMaking] = useState(false);
  return (
    <>
      <header className="title">
        <h1>Spaces</h1>
        <button type="button" className="button primary" onClick={() => setMaking(true)}>
          <Icon name="plus" /> New space
        </button>
      </header>
      <Await answer={spaces}>
        {(items) =>
          items.length === 0 ? (
            <Empty title="No space yet">
              <p>
                A space is what one shares and syncs as a whole: one person’s bookmarks, one app’s
                data. Make the first one here, or with <code>syncline space create NAME</code>.
              </p>
            </Empty>
          ) : (
            <Table
              label="Spaces"
              columns={COLUMNS}
              items={items}
              keyOf={({ name }) => name}
              open={({ name }) => go("spaces", name)}
            />
          )
        }
      </Await>
      <Offline names={spaces.data === undefined && spaces.error !== undefined} />
      {isMaking && <NewSpace close={() => setMaking(false)} />}
    </>
  );
}

/** The hub is away and has not been asked yet: what this device keeps is there all the same. */
function Offline({ names }: { readonly names: boolean }) {
  const { client } = useSession();
  const kept = client.spaces();
  if (!names || kept.length === 0) {
    return null;
  }
  return (
    <section className="kept">
      <h2>Kept on this device</h2>
      <ul>
        {kept.map((name) => (
          <li key={name}>
            <a href={href("spaces", name)}>{name}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NewSpace({ close }: { readonly close: () => void }) {
  const submit = async (form: FormData): Promise<void> => {
    const name = String(form.get("name")).trim();
    await ask("POST /spaces", { name });
    close();
    go("spaces", name);
  };
  return (
    <Dialog title="New space" action="Make it" submit={submit} close={close}>
      <Field label="Name" hint="Segments of a-z, 0-9, . _ and -, joined by /. Such as home/lists.">
        <input name="name" required autoComplete="off" spellCheck={false} />
      </Field>
    </Dialog>
  );
}

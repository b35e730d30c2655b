// One space: its name, how its copy stands, and what there is to do with it.

import { useMemo, useState } from "react";
import { useAnswer } from "../hub/answer";
import { ask, spacePath } from "../hub/request";
import { useSession } from "../hub/session";
import type { SpaceDetails } from "../hub/shapes";
import { bytes, counted } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { late } from "../parts/late";
import { complain } from "../parts/toast";
import { go, href, useRoute } from "../route";
import { Connect } from "./connect";
import { exportRecords } from "./export";
import { useFollowed } from "./followed";
import { Members } from "./members";
import { Records } from "./records";
import { SYSTEM } from "./rights";
import { Standing } from "./standing";

const TABS = [
  { id: "records", title: "Records" },
  { id: "members", title: "Members" },
  { id: "access", title: "Access" },
  { id: "connect", title: "Connect" },
] as const;

const AccessTab = late(() => import("./access/tab").then((it) => it.AccessTab));

export function SpacePage({ name }: { readonly name: string }) {
  const { client } = useSession();
  const [, , tab = "records"] = useRoute();
  const [isDropping, setDropping] = useState(false);
  const space = useMemo(() => client.space(name), [client, name]);
  const details = useAnswer<SpaceDetails>(spacePath(name), 2_000);
  const { data } = details;
  useFollowed(space, client);
  return (
    <>
      <header className="title">
        <h1 className="trail">
          <a href={href("spaces")}>Spaces</a> <span>{name}</span>
        </h1>
        <Standing space={space} />
        <button
          type="button"
          className="button"
          aria-label="Export the space"
          onClick={() => exportRecords(name).catch(complain)}
        >
          <Icon name="download" /> <span className="only-wide">Export</span>
        </button>
        {data?.role === "owner" && name !== SYSTEM && (
          <button
            type="button"
            className="button"
            aria-label="Delete the space"
            onClick={() => setDropping(true)}
          >
            <Icon name="trash" /> <span className="only-wide">Delete</span>
          </button>
        )}
      </header>
      <nav className="tabs" aria-label="Parts of the space">
        {TABS.filter(({ id }) => id !== "access" || name !== SYSTEM).map(({ id, title }) => (
          <a
            key={id}
            className="tab"
            href={href("spaces", name, id)}
            aria-current={id === tab ? "page" : undefined}
          >
            {title}
          </a>
        ))}
        {data && (
          <span className="tabs-note">
            {counted(data.records, "record")}, {bytes(data.bytes)}, owned by {data.owner}; you are{" "}
            {data.role}
          </span>
        )}
      </nav>
      {tab === "records" && <Records space={space} known={data?.collections} />}
      {tab === "members" && <Members name={name} details={details} />}
      {tab === "access" && <AccessTab space={space} details={details} />}
      {tab === "connect" && <Connect name={name} />}
      {isDropping && <Drop name={name} close={() => setDropping(false)} />}
    </>
  );
}

function Drop({ name, close }: { readonly name: string; readonly close: () => void }) {
  const { client } = useSession();
  const submit = async (form: FormData): Promise<void> => {
    if (form.get("name") !== name) {
      throw new Error("That is not its name.");
    }
    await ask(`DELETE ${spacePath(name)}`);
    close();
    go("spaces");
    client.forget(name);
  };
  return (
    <Dialog title={`Delete ${name}`} action="Delete it" isDangerous submit={submit} close={close}>
      <p>Everything in it goes, for everybody. There is no way back but a backup.</p>
      <Field label="Type its name to go on">
        <input name="name" required autoComplete="off" spellCheck={false} />
      </Field>
    </Dialog>
  );
}

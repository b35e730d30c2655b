// For admins: whether devices may register, whose readings are here, and what another server kept.

import { useState } from "react";
import { useAnswer, useList } from "../hub/answer";
import { ask } from "../hub/request";
import { count } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Await, Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { complain, say } from "../parts/toast";
import { ImportDialog } from "./import";
import { placeHref } from "./place";
import { type Connecting, type Reader, type Registration, ROUTES } from "./shapes";

const REGISTRATIONS: readonly { readonly id: Registration; readonly title: string }[] = [
  { id: "first", title: "the first one alone" },
  { id: "open", title: "anybody" },
  { id: "closed", title: "nobody" },
];

const COLUMNS: readonly Column<Reader>[] = [
  {
    title: "Account",
    width: "minmax(6rem, 1fr)",
    draw: ({ account }) => (
      <a className="strong" href={placeHref(account, "books")}>
        {account}
      </a>
    ),
  },
  { title: "Name on devices", width: "minmax(6rem, 1fr)", draw: ({ name }) => name },
  {
    title: "Device passwords",
    width: "9rem",
    isNumber: true,
    isWide: true,
    draw: ({ device_passwords }) => count(device_passwords),
  },
];

export function Accounts() {
  const accounts = useList<Reader>(`${ROUTES}/accounts`, 5_000);
  const [doing, setDoing] = useState<"add" | "import">();
  const close = (): void => {
    setDoing(undefined);
    accounts.reload();
  };
  return (
    <>
      <Registering />
      <section aria-label="Accounts">
        <header className="title">
          <h2>Accounts that devices can open</h2>
          <button type="button" className="button" onClick={() => setDoing("import")}>
            Import
          </button>
          <button type="button" className="button" onClick={() => setDoing("add")}>
            <Icon name="plus" /> New account
          </button>
        </header>
        <Await answer={accounts} lines={3}>
          {(items) =>
            items.length === 0 ? (
              <Empty title="No account yet">
                <p>An account with a password, or one that registers from a device, is one.</p>
              </Empty>
            ) : (
              <Table
                label="Accounts"
                columns={COLUMNS}
                items={items}
                keyOf={({ account }) => account}
                isGrown
              />
            )
          }
        </Await>
      </section>
      {doing === "add" && <AddDialog close={close} />}
      {doing === "import" && <ImportDialog close={close} />}
    </>
  );
}

/** Who may register from a device, changed while the hub runs. */
function Registering() {
  const { data, reload } = useAnswer<Connecting>(ROUTES, 5_000);
  const choose = (registration: string): void => {
    ask(`PUT ${ROUTES}/registration`, { registration })
      .then(() => say("It holds from now on."), complain)
      .finally(reload);
  };
  return (
    <section className="registering" aria-label="Registration">
      <label className="check">
        Who may register from a device:
        <select
          value={data?.registration ?? "first"}
          disabled={data === undefined}
          onChange={({ target }) => choose(target.value)}
        >
          {REGISTRATIONS.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {data && (
        <span className={data.registration_open ? "tag good" : "tag"}>
          {data.registration_open ? "open now" : "closed now"}
        </span>
      )}
      <p className="muted">
        The first one alone: until there is an account that devices can open. You make accounts
        whether it is open or not.
      </p>
    </section>
  );
}

function AddDialog({ close }: { readonly close: () => void }) {
  const submit = async (form: FormData): Promise<void> => {
    const name = String(form.get("name")).trim();
    await ask(`POST ${ROUTES}/accounts`, { name, password: String(form.get("password")) });
    say(`${name} can log in from a device now.`);
    close();
  };
  return (
    <Dialog title="New account for devices" action="Make it" submit={submit} close={close}>
      <Field label="Name" hint="As it is typed into the device. Letters of any script.">
        <input name="name" required maxLength={255} autoComplete="off" spellCheck={false} />
      </Field>
      <Field
        label="Password"
        hint="It opens the readings alone. For these pages, set one under People."
      >
        <input name="password" type="password" required autoComplete="new-password" />
      </Field>
    </Dialog>
  );
}

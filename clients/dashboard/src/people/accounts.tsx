// Accounts: made, given a password, removed.

import { useState } from "react";
import { useList } from "../hub/answer";
import { ask } from "../hub/request";
import type { User } from "../hub/shapes";
import { count, day } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Await } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { say } from "../parts/toast";

type Doing =
  | { readonly type: "add" }
  | { readonly type: "password"; readonly name: string }
  | { readonly type: "remove"; readonly name: string };

/** All accounts to an admin; anybody else has `only` their own. */
export function Accounts({ only }: { readonly only?: string }) {
  const users = useList<User>(only === undefined ? "/users" : undefined, 3_000);
  const [doing, setDoing] = useState<Doing>();
  const close = (): void => {
    setDoing(undefined);
    users.reload();
  };
  return (
    <section>
      <header className="title">
        <h2>{only === undefined ? "Accounts" : only}</h2>
        {only === undefined ? (
          <button type="button" className="button" onClick={() => setDoing({ type: "add" })}>
            <Icon name="plus" /> New account
          </button>
        ) : (
          <button
            type="button"
            className="button"
            onClick={() => setDoing({ type: "password", name: only })}
          >
            Set a password
          </button>
        )}
      </header>
      {only === undefined && (
        <Await answer={users} lines={4}>
          {(items) => (
            <Table
              label="Accounts"
              columns={columnsOf(setDoing)}
              items={items}
              keyOf={({ name }) => name}
              isGrown
            />
          )}
        </Await>
      )}
      {doing?.type === "add" && <AddDialog close={close} />}
      {doing?.type === "password" && <PasswordDialog name={doing.name} close={close} />}
      {doing?.type === "remove" && <RemoveDialog name={doing.name} close={close} />}
    </section>
  );
}

function columnsOf(act: (doing: Doing) => void): readonly Column<User>[] {
  return [
    {
      title: "Account",
      width: "minmax(7rem, 2fr)",
      draw: ({ name, admin }) => (
        <>
          <strong>{name}</strong> {admin && <span className="tag">admin</span>}
        </>
      ),
    },
    {
      title: "Logs in by",
      width: "minmax(6rem, 1fr)",
      isWide: true,
      draw: ({ password }) => (password ? "password or token" : "token"),
    },
    { title: "Tokens", width: "4.5rem", isNumber: true, draw: ({ tokens }) => count(tokens) },
    { title: "Since", width: "8rem", isWide: true, draw: ({ created_ms }) => day(created_ms) },
    {
      title: "",
      width: "9.5rem",
      isNumber: true,
      draw: ({ name }) => (
        <>
          <button
            type="button"
            className="button small"
            aria-label={`Set a password for ${name}`}
            onClick={() => act({ type: "password", name })}
          >
            Password
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={`Remove ${name}`}
            onClick={() => act({ type: "remove", name })}
          >
            <Icon name="trash" />
          </button>
        </>
      ),
    },
  ];
}

function AddDialog({ close }: { readonly close: () => void }) {
  const submit = async (form: FormData): Promise<void> => {
    const name = String(form.get("name"));
    const password = String(form.get("password"));
    const secret = password === "" ? {} : { password };
    await ask("POST /users", { name, admin: form.get("admin") === "on", ...secret });
    say(`${name} has an account now.`);
    close();
  };
  return (
    <Dialog title="New account" action="Make it" submit={submit} close={close}>
      <Field label="Name" hint="1 to 64 of a-z, 0-9, . _ and -">
        <input name="name" required autoComplete="off" spellCheck={false} />
      </Field>
      <Field label="Password" hint="8 characters or more. Without one it is used by tokens alone.">
        <input name="password" type="password" autoComplete="new-password" />
      </Field>
      <label className="check">
        <input type="checkbox" name="admin" />
        <span>
          Admin<span className="field-hint">Sees and does everything that you see here</span>
        </span>
      </label>
    </Dialog>
  );
}

interface NamedProps {
  readonly name: string;
  readonly close: () => void;
}

function PasswordDialog({ name, close }: NamedProps) {
  const submit = async (form: FormData): Promise<void> => {
    const path = `/users/${encodeURIComponent(name)}/password`;
    await ask(`PUT ${path}`, { password: String(form.get("password")) });
    say(`${name} has a new password.`);
    close();
  };
  return (
    <Dialog title={`A password for ${name}`} action="Set it" submit={submit} close={close}>
      <Field label="Password" hint="8 characters or more. Their other browsers are logged out.">
        <input name="password" type="password" autoComplete="new-password" required />
      </Field>
    </Dialog>
  );
}

function RemoveDialog({ name, close }: NamedProps) {
  const submit = async (): Promise<void> => {
    await ask(`DELETE /users/${encodeURIComponent(name)}`);
    say(`${name} is gone.`);
    close();
  };
  return (
    <Dialog title={`Remove ${name}`} action="Remove" isDangerous submit={submit} close={close}>
      <p>Its tokens end at once and its devices are signed out. Its spaces stay.</p>
    </Dialog>
  );
}

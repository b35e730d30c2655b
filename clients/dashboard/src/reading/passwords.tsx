// Passwords that are for one device each: made, shown once, revoked.

import { useState } from "react";
import { useAnswer } from "../hub/answer";
import { ask } from "../hub/request";
import { day } from "../hub/words";
import { CopyButton } from "../parts/copy";
import { Dialog, Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Await } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { say } from "../parts/toast";
import { type DevicePassword, path } from "./shapes";

interface Listed {
  readonly items: readonly DevicePassword[];
}

export function Passwords({ account }: { readonly account: string }) {
  const passwords = useAnswer<Listed>(path(account, "passwords"), 5_000);
  const [isMaking, setMaking] = useState(false);
  const [leaving, setLeaving] = useState<DevicePassword>();
  return (
    <section aria-label="Device passwords">
      <header className="title">
        <h2>Device passwords</h2>
        <button type="button" className="button" onClick={() => setMaking(true)}>
          <Icon name="plus" /> New device password
        </button>
      </header>
      <Await answer={passwords} lines={2}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="muted">
              None. A password of its own lets a device be shut out without changing the others’.
            </p>
          ) : (
            <Table
              label="Device passwords"
              columns={columnsOf(setLeaving)}
              items={items}
              keyOf={({ id }) => id}
              isGrown
            />
          )
        }
      </Await>
      {isMaking && (
        <NewPassword
          account={account}
          close={() => {
            setMaking(false);
            passwords.reload();
          }}
        />
      )}
      {leaving && (
        <Revoke
          account={account}
          password={leaving}
          close={() => {
            setLeaving(undefined);
            passwords.reload();
          }}
        />
      )}
    </section>
  );
}

function columnsOf(revoke: (password: DevicePassword) => void): readonly Column<DevicePassword>[] {
  return [
    { title: "For", width: "minmax(6rem, 2fr)", draw: ({ label }) => label },
    { title: "Made", width: "8rem", draw: ({ created_ms }) => day(created_ms) },
    {
      title: "",
      width: "5rem",
      isNumber: true,
      draw: (password) => (
        <button
          type="button"
          className="button small"
          aria-label={`Revoke ${password.label}`}
          onClick={() => revoke(password)}
        >
          Revoke
        </button>
      ),
    },
  ];
}

/** A password to make; it is shown once. */
export function NewPassword(props: { readonly account: string; readonly close: () => void }) {
  const { account, close } = props;
  const [password, setPassword] = useState<string>();
  const submit = async (form: FormData): Promise<void> => {
    const label = String(form.get("label")).trim();
    const made = await ask<{ readonly password: string }>(`POST ${path(account, "passwords")}`, {
      label,
    });
    setPassword(made.password);
  };
  if (password !== undefined) {
    return (
      <Dialog title="The device’s password" close={close}>
        <p>
          <strong>It is shown this once.</strong> Type it into the device, as the password of its
          login; its dashes too.
        </p>
        <p className="secret">
          <code>{password}</code>
        </p>
        <CopyButton text={password} />
      </Dialog>
    );
  }
  return (
    <Dialog title="New device password" action="Make it" submit={submit} close={close}>
      <Field label="Which device it is for">
        <input name="label" required maxLength={64} placeholder="Kobo Clara" autoComplete="off" />
      </Field>
    </Dialog>
  );
}

function Revoke(props: {
  readonly account: string;
  readonly password: DevicePassword;
  readonly close: () => void;
}) {
  const { account, password, close } = props;
  const submit = async (): Promise<void> => {
    await ask(`DELETE ${path(account, "passwords", password.id)}`);
    say(`The password of ${password.label} opens nothing any more.`);
    close();
  };
  return (
    <Dialog title="Revoke" action="Revoke" isDangerous submit={submit} close={close}>
      <p>
        Whatever logs in with the password of <strong>{password.label}</strong> is refused from now
        on. What it has sent stays.
      </p>
    </Dialog>
  );
}

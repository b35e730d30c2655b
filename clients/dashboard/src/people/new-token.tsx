// A token to make; its secret is shown once.

import { useState } from "react";
import { useList } from "../hub/answer";
import { ask } from "../hub/request";
import { useSession } from "../hub/session";
import { ROLES, type User } from "../hub/shapes";
import { CopyButton } from "../parts/copy";
import { Dialog, Field } from "../parts/dialog";

const DAY_MS = 86_400_000;
const DURATIONS = [
  { title: "30 days", days: 30 },
  { title: "90 days", days: 90 },
  { title: "a year", days: 365 },
  { title: "never", days: 0 },
] as const;

export function NewToken({ close }: { readonly close: () => void }) {
  const [secret, setSecret] = useState<string>();
  const submit = async (form: FormData): Promise<void> => {
    const made = await ask<{ readonly token: string }>("POST /tokens", orderOf(form));
    setSecret(made.token);
  };
  if (secret !== undefined) {
    return (
      <Dialog title="The new token" close={close}>
        <p>
          <strong>It is shown this once.</strong> The hub keeps only a digest of it: whoever loses
          it makes another one.
        </p>
        <p className="secret">
          <code>{secret}</code>
        </p>
        <CopyButton text={secret} />
      </Dialog>
    );
  }
  return (
    <Dialog title="New token" action="Make it" submit={submit} close={close}>
      <Order />
    </Dialog>
  );
}

function Order() {
  const { who } = useSession();
  const users = useList<User>(who.admin ? "/users" : undefined, 60_000);
  const names = users.data?.map(({ name }) => name) ?? [who.account];
  return (
    <>
      <Field label="What it is for">
        <input name="label" required maxLength={128} placeholder="phone" autoComplete="off" />
      </Field>
      <Field label="Account">
        <select name="user" defaultValue={who.account}>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      <Field
        label="Spaces"
        hint="With commas; * at an end for all that begin so. Empty: everywhere."
      >
        <input name="spaces" placeholder="home, linkora/*" autoComplete="off" spellCheck={false} />
      </Field>
      <div className="field-pair">
        <Field label="At most">
          <select name="role" defaultValue="writer">
            {ROLES.map((role) => (
              <option key={role}>{role}</option>
            ))}
          </select>
        </Field>
        <Field label="Ends after">
          <select name="days" defaultValue="90">
            {DURATIONS.map(({ title, days }) => (
              <option key={days} value={days}>
                {title}
              </option>
            ))}
          </select>
        </Field>
      </div>
    </>
  );
}

function orderOf(form: FormData) {
  const text = (name: string): string => String(form.get(name) ?? "").trim();
  const days = Number(text("days"));
  const spaces = text("spaces")
    .split(",")
    .map((name) => name.trim());
  return {
    user: text("user"),
    label: text("label"),
    role: text("role"),
    spaces: spaces.filter((name) => name !== ""),
    ...(days === 0 ? {} : { expires_ms: Date.now() + days * DAY_MS }),
  };
}

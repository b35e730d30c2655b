// The way in: by token, or by name and password.

import { type FormEvent, useState } from "react";
import { wordsOf } from "./hub/request";
import type { Login } from "./hub/session";
import { Field } from "./parts/dialog";
import { Mark } from "./parts/icon";

export function LoginPage(props: {
  /** Why one has to log in again; nothing for a first time. */
  readonly why: string | undefined;
  readonly logIn: (login: Login) => Promise<void>;
}) {
  const [byToken, setByToken] = useState(true);
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    setBusy(true);
    setError(undefined);
    try {
      await props.logIn(
        byToken
          ? { token: text("token") }
          : { name: text("name"), password: String(form.get("password") ?? "") },
      );
    } catch (failed) {
      setError(wordsOf(failed));
      setBusy(false);
    }
  };

  return (
    <main className="alone">
      <form className="login" onSubmit={send}>
        <h1>
          <Mark /> Syncline
        </h1>
        {props.why !== undefined && (
          <p className="login-why" role="alert">
            <strong>You have been logged out.</strong> {props.why} Log in again; what you wrote
            meanwhile is kept on this device.
          </p>
        )}
        <div className="tabs" role="tablist" aria-label="How to log in">
          <Choice isChosen={byToken} choose={() => setByToken(true)} text="Token" />
          <Choice isChosen={!byToken} choose={() => setByToken(false)} text="Name and password" />
        </div>
        {byToken ? <TokenField /> : <PasswordFields />}
        {error !== undefined && (
          <p className="form-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="button primary" disabled={isBusy}>
          Log in
        </button>
      </form>
    </main>
  );
}

function Choice(props: {
  readonly isChosen: boolean;
  readonly choose: () => void;
  readonly text: string;
}) {
  return (
    <button
      type="button"
      role="tab"
      aria-selected={props.isChosen}
      className="tab"
      onClick={props.choose}
    >
      {props.text}
    </button>
  );
}

function TokenField() {
  return (
    <Field label="Token" hint="The first one is in the data folder, in the file admin-token.">
      <input
        key="token"
        name="token"
        type="password"
        autoComplete="current-password"
        placeholder="sl_…"
        required
        // biome-ignore lint/a11y/noAutofocus: there is nothing else to do here
        autoFocus
      />
    </Field>
  );
}

function PasswordFields() {
  return (
    <>
      <Field label="Name">
        {/* biome-ignore lint/a11y/noAutofocus: there is nothing else to do here */}
        <input key="name" name="name" autoComplete="username" required autoFocus />
      </Field>
      <Field label="Password">
        <input
          key="password"
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
      </Field>
    </>
  );
}

// How an app connects: address, token and certificate, each to type, to copy, or for a camera.

import { type ReactNode, useState } from "react";
import { ask } from "../hub/request";
import { CopyButton, Snippet } from "../parts/copy";
import { Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { complain } from "../parts/toast";
import { addressesOf, isOnlyHere } from "./address";
import type { Info } from "./info";
import { QrCode } from "./qr";

export function Connect({ info }: { readonly info: Info }) {
  const addresses = addressesOf(info, new URL(location.href));
  const [address, setAddress] = useState(addresses[0] ?? "");
  return (
    <section className="connect-app">
      <p className="summary">
        The app Linkora, on Android and on the desktop, takes this hub for its own sync server. Open
        its sync settings, and give it these three, the certificate before the first test.
      </p>
      <ol>
        <Step title="Address" text={address}>
          <Field label="What the app calls the server’s address">
            <input
              value={address}
              list="addresses"
              inputMode="url"
              spellCheck={false}
              autoComplete="off"
              onChange={({ target }) => setAddress(target.value)}
            />
          </Field>
          <datalist id="addresses">
            {addresses.map((each) => (
              <option key={each} value={each} />
            ))}
          </datalist>
          {isOnlyHere(address) && (
            <p className="field-hint warn">
              Only this machine can reach that. Put in the name or the address by which a phone
              finds it; the hub has to listen there as well.
            </p>
          )}
        </Step>
        <Token info={info} />
        <Certificate info={info} address={address} />
      </ol>
      <Moving user={info.user} />
    </section>
  );
}

function Step(props: {
  readonly title: string;
  /** What the code holds; nothing as long as there is nothing. */
  readonly text: string | undefined;
  /** What the code is of, when it is not what the step is about. */
  readonly of?: string;
  readonly children: ReactNode;
}) {
  const { title, text, of = `the ${title.toLowerCase()}`, children } = props;
  return (
    <li className="step" aria-label={title}>
      <h2>{title}</h2>
      {children}
      {text !== undefined && text !== "" && (
        <>
          <CopyButton text={text} label={`Copy ${of}`} />
          <QrCode text={text} label={`A QR code of ${of}`} />
        </>
      )}
    </li>
  );
}

const DAY_MS = 86_400_000;
const DURATIONS = [
  { title: "a year", days: 365 },
  { title: "90 days", days: 90 },
  { title: "never", days: 0 },
] as const;

function Token({ info }: { readonly info: Info }) {
  const [token, setToken] = useState<string>();
  const [days, setDays] = useState<number>(DURATIONS[0].days);
  const make = async (): Promise<void> => {
    const order = { user: info.user, label: "Linkora", role: "writer", spaces: [info.space] };
    const until = days === 0 ? {} : { expires_ms: Date.now() + days * DAY_MS };
    const made = await ask<{ readonly token: string }>("POST /tokens", { ...order, ...until });
    setToken(made.token);
  };
  if (token !== undefined) {
    return (
      <Step title="Token" text={token}>
        <p className="secret">
          <code>{token}</code>
        </p>
        <p className="field-hint">
          <strong>It is shown this once.</strong> It opens {info.user}’s bookmarks and nothing else,
          and can be revoked under People.
        </p>
      </Step>
    );
  }
  return (
    <Step title="Token" text={undefined}>
      <p>A token of its own for each device, so that one that is lost can be shut out alone.</p>
      <Field label="It ends after">
        <select value={days} onChange={({ target }) => setDays(+target.value)}>
          {DURATIONS.map((each) => (
            <option key={each.days} value={each.days}>
              {each.title}
            </option>
          ))}
        </select>
      </Field>
      <button type="button" className="button primary" onClick={() => make().catch(complain)}>
        <Icon name="plus" /> Make a token
      </button>
    </Step>
  );
}

function Certificate({ info, address }: { readonly info: Info; readonly address: string }) {
  const { certificate } = info;
  if (certificate === null) {
    return (
      <Step title="Certificate" text={undefined}>
        <p>
          This hub speaks no TLS itself, and the app’s live sync needs it: let a proxy end it under
          the same address, and import the certificate of whoever issued the proxy’s.
        </p>
      </Step>
    );
  }
  const link = URL.canParse(address) ? new URL(certificate.slice(1), address).href : undefined;
  return (
    <Step title="Certificate" text={link} of="the certificate’s address">
      <p>
        The app trusts the one certificate that it is given. Import this file, or let the app accept
        any certificate.
      </p>
      <a className="button" href={certificate} download="linkora.cer">
        <Icon name="download" /> linkora.cer
      </a>
      <p className="field-hint">
        Where a proxy with a certificate of its own stands before the hub, import the certificate of
        whoever issued that one.
      </p>
    </Step>
  );
}

/** From another server and back: the hub reads no databases that a page sends it. */
function Moving({ user }: { readonly user: string }) {
  return (
    <>
      <h2>Coming from Linkora’s own server</h2>
      <p className="summary">
        Bring its database along: all ids, times and deletions stay, so that devices need only the
        new address.
      </p>
      <ImportSnippet user={user} />
    </>
  );
}

export function ImportSnippet({ user }: { readonly user: string }) {
  return (
    <Snippet
      title="Command line"
      text={`export SYNCLINE_URL=${location.origin} SYNCLINE_TOKEN=sl_…
syncline import-linkora linkora.sqlite --user ${user}
syncline export-linkora backup.sqlite --user ${user}`}
    />
  );
}

// How a device comes here, step by step: the address to type, and who it says that it is.

import { useState } from "react";
import { useAnswer } from "../hub/answer";
import { useSession } from "../hub/session";
import { CopyButton } from "../parts/copy";
import { Icon } from "../parts/icon";
import { href } from "../route";
import type { Standing } from "./live";
import { NewPassword } from "./passwords";
import { placeHref } from "./place";
import { useDeviceName, useReaders } from "./readers";
import { type Connecting, path } from "./shapes";

interface ConnectProps {
  readonly account: string;
  readonly standing: Standing;
  /** There is no book yet. */
  readonly isWelcome?: boolean;
}

/** Names of this machine that mean another one to everybody else. */
const OWN_NAMES = /^(localhost|127\..*|\[::1\])$/;

export function Connect({ account, standing, isWelcome = false }: ConnectProps) {
  const { data } = useAnswer<Connecting>(path(account), 10_000);
  const [isMaking, setMaking] = useState(false);
  const name = useDeviceName(account, standing);
  return (
    <div className="reading-connect">
      {isWelcome && <Welcome account={account} />}
      <ol className="steps">
        <li>
          <strong>On the device, open a book in KOReader.</strong> Tap the top of the screen, and
          choose the tools, then <em>Progress sync</em>.
        </li>
        <li>
          <strong>
            Choose <em>Custom sync server</em>, and type this address:
          </strong>
          <Address />
          {data && <Others connecting={data} />}
        </li>
        <li>
          <Login name={name} connecting={data} make={() => setMaking(true)} />
        </li>
        <li>
          <strong>
            Switch <em>Automatically keep documents in sync</em> on,
          </strong>{" "}
          or choose <em>Push progress from this device now</em>. The book appears here at once.
          Other devices do the same, and are told where you are when they open it.
        </li>
      </ol>
      <p className="muted">
        Books are told apart by their bytes, unless <em>Document matching method</em> says by their
        names: the same file is the same book everywhere, and two files of one book can be joined
        here. To see titles here, switch <em>Send document metadata</em> on, which newer versions
        have, or set them on this page.
      </p>
      {isMaking && <NewPassword account={account} close={() => setMaking(false)} />}
    </div>
  );
}

function Welcome({ account }: { readonly account: string }) {
  const { who } = useSession();
  const others = useReaders().filter((other) => other !== account);
  const name = account === who.account ? "You have" : `${account} has`;
  return (
    <header className="welcome">
      <h2>{name} no book here yet</h2>
      <p>E-readers with KOReader, and apps that speak its sync, keep their places here.</p>
      {others.length > 0 && (
        <p>
          Books of others:{" "}
          {others.map((other) => (
            <a key={other} className="chip" href={placeHref(other, "books")}>
              {other}
            </a>
          ))}
        </p>
      )}
    </header>
  );
}

function Address() {
  const { origin, hostname } = location;
  return (
    <>
      <p className="secret address">
        <code>{origin}</code> <CopyButton text={origin} />
      </p>
      {OWN_NAMES.test(hostname) && (
        <p className="warn">
          This is the address on this computer alone. On a device, type the computer’s name or
          address in your network in the place of <code>{hostname}</code>, and let the hub listen
          there.
        </p>
      )}
    </>
  );
}

function Others({ connecting }: { readonly connecting: Connecting }) {
  const { origin, protocol, hostname, port } = location;
  const hosts = connecting.hosts.map((host) => `${protocol}//${host}${port && `:${port}`}`);
  const ports = connecting.ports.map((own) => `${protocol}//${hostname}:${own}`);
  const all = [...hosts, ...ports, `${origin}/kosync`];
  return (
    <p className="muted">
      Just as good:{" "}
      {all.map((address, at) => (
        <span key={address}>
          {at > 0 && ", "}
          <code>{address}</code>
        </span>
      ))}
      .
    </p>
  );
}

function Login(props: {
  readonly name: string;
  readonly connecting: Connecting | undefined;
  readonly make: () => void;
}) {
  const { name, connecting, make } = props;
  const isOpen = connecting?.registration_open === true;
  return (
    <>
      <strong>
        Choose <em>Register / Login</em>, and log in with the name <code>{name}</code>
      </strong>{" "}
      and {connecting?.has_key ? "your password, or" : ""} a password for this device alone:{" "}
      <button type="button" className="button small" onClick={make}>
        <Icon name="plus" /> Make one
      </button>
      <p className="muted">
        {connecting?.has_key === false && (
          <>
            The account has no password that devices could use; one that is set under{" "}
            <a href={href("people")}>People</a> is good for devices, too.{" "}
          </>
        )}
        {isOpen
          ? "Whoever has no account here registers there instead, with a new name and a password."
          : "Registering from a device is closed: an admin makes accounts."}
      </p>
    </>
  );
}

// Tokens and browsers' sessions: what they open, until when; revoked at once.

import { useState } from "react";
import { useList } from "../hub/answer";
import { ask } from "../hub/request";
import { useSession } from "../hub/session";
import type { Token } from "../hub/shapes";
import { browserName, counted, day, moment, relative } from "../hub/words";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Await, Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { say } from "../parts/toast";
import { NewToken } from "./new-token";

export function Tokens() {
  const { who } = useSession();
  const tokens = useList<Token>("/tokens", 3_000);
  const [isMaking, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const columns = columnsOf(who.token, setRevoking);
  const keyOf = ({ id }: Token): string => id;
  return (
    <section>
      <header className="title">
        <h2>Tokens</h2>
        <button type="button" className="button" onClick={() => setMaking(true)}>
          <Icon name="plus" /> New token
        </button>
      </header>
      <Await answer={tokens} lines={4}>
        {(all) => {
          const [own, browsers] = [
            all.filter(({ session }) => !session),
            all.filter(({ session }) => session),
          ];
          return (
            <>
              {own.length === 0 ? (
                <Empty title="No token yet">
                  <p>An app or a script shows one to be let in.</p>
                </Empty>
              ) : (
                <Table label="Tokens" columns={columns} items={own} keyOf={keyOf} isGrown />
              )}
              <header className="title">
                <h2>Browsers</h2>
                <span className="tools-note">{counted(browsers.length, "session")}</span>
              </header>
              {browsers.length > 0 && (
                <Table label="Browsers" columns={columns} items={browsers} keyOf={keyOf} isGrown />
              )}
            </>
          );
        }}
      </Await>
      {isMaking && (
        <NewToken
          close={() => {
            setMaking(false);
            tokens.reload();
          }}
        />
      )}
      {revoking && (
        <Revoke
          token={revoking}
          isOwn={revoking.id === who.token}
          close={() => {
            setRevoking(undefined);
            tokens.reload();
          }}
        />
      )}
    </section>
  );
}

function columnsOf(own: string | null, revoke: (token: Token) => void): readonly Column<Token>[] {
  return [
    {
      title: "For",
      width: "minmax(8rem, 2fr)",
      draw: ({ label, session, id }) => (
        <span title={label}>
          {id === own && <span className="tag good">this one</span>}{" "}
          {(session ? browserName(label) : label) || <em>without a label</em>}
        </span>
      ),
    },
    { title: "Account", width: "minmax(5rem, 1fr)", isWide: true, draw: ({ user }) => user },
    {
      title: "Opens",
      width: "minmax(6rem, 1.5fr)",
      isWide: true,
      draw: ({ role, spaces }) =>
        `${spaces.length === 0 ? "everything" : spaces.join(", ")}, as ${role}`,
    },
    { title: "Made", width: "8rem", isWide: true, draw: ({ created_ms }) => day(created_ms) },
    {
      title: "Ends",
      width: "minmax(6rem, 7.5rem)",
      draw: ({ expires_ms }) => <Ends at_ms={expires_ms} />,
    },
    { title: "Id", width: "8.5rem", isWide: true, draw: ({ id }) => <code>{id}</code> },
    {
      title: "",
      width: "5rem",
      isNumber: true,
      draw: (token) => (
        <button
          type="button"
          className="button small"
          aria-label={`Revoke ${token.label || token.id}`}
          onClick={() => revoke(token)}
        >
          Revoke
        </button>
      ),
    },
  ];
}

function Ends({ at_ms }: { readonly at_ms: number | null }) {
  if (at_ms === null) {
    return <span className="muted">never</span>;
  }
  const isOver = at_ms < Date.now();
  return (
    <span className={isOver ? "bad" : ""} title={moment(at_ms)}>
      {isOver ? `ended ${relative(at_ms)}` : relative(at_ms)}
    </span>
  );
}

function Revoke(props: {
  readonly token: Token;
  readonly isOwn: boolean;
  readonly close: () => void;
}) {
  const { token, isOwn, close } = props;
  const name = token.label || token.id;
  const submit = async (): Promise<void> => {
    await ask(`DELETE /tokens/${token.id}`);
    say(`${name} opens nothing any more.`);
    close();
  };
  return (
    <Dialog title="Revoke" action="Revoke" isDangerous submit={submit} close={close}>
      <p>
        <strong>{name}</strong> opens nothing any more, at once. Whatever it has open ends, and so
        do the browsers that were logged in with it.
      </p>
      {isOwn && <p className="warn">It is the one that you use here: you will be logged out.</p>}
    </Dialog>
  );
}

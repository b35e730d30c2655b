// The ways to connect to a space, to copy and paste.

import { useState } from "react";
import { ask } from "../hub/request";
import { useSession } from "../hub/session";
import { Snippet } from "../parts/copy";
import { Icon } from "../parts/icon";
import { complain } from "../parts/toast";

const THIRTY_DAYS_MS = 30 * 86_400_000;

export function Connect({ name }: { readonly name: string }) {
  const { who } = useSession();
  const [token, setToken] = useState<string>();
  const shown = token ?? "sl_…";
  const make = async (): Promise<void> => {
    const expires_ms = Date.now() + THIRTY_DAYS_MS;
    const order = { user: who.account, label: `${name}, by the dashboard`, role: "writer" };
    const made = await ask<{ readonly token: string }>("POST /tokens", {
      ...order,
      spaces: [name],
      expires_ms,
    });
    setToken(made.token);
  };
  return (
    <section className="connect">
      <p className="notice">
        {token === undefined ? (
          <>
            <span>Each snippet wants a token. One for this space alone, good for 30 days:</span>
            <button type="button" className="button" onClick={() => make().catch(complain)}>
              <Icon name="plus" /> Make a token
            </button>
          </>
        ) : (
          <span>
            <strong>The token is in the snippets now, and shown this once.</strong> It writes to{" "}
            {name} for 30 days, and can be revoked under People.
          </span>
        )}
      </p>
      {snippets(location.origin, name, shown).map(({ title, text }) => (
        <Snippet key={title} title={title} text={text} />
      ))}
    </section>
  );
}

function snippets(url: string, space: string, token: string) {
  const path = `/hub/v1/spaces/${encodeURIComponent(space)}`;
  return [
    {
      title: "TypeScript",
      text: `import { connect } from "syncline";

const client = await connect({ url: "${url}", token: "${token}" });
const space = client.space("${space}");
await space.synced();
space.put("pages", "welcome", { title: "Hello" });
console.log(space.get("pages", "welcome")?.fields);`,
    },
    {
      title: "Rust",
      text: `use syncline_client::{Client, Value};

let client = Client::builder("${url.replace(/^http/, "ws")}", "${token}").connect()?;
let space = client.space("${space}")?;
let write = space.put("pages", "welcome", [("title", Value::from("Hello"))])?;
write.acked().await?;`,
    },
    {
      title: "curl",
      text: `curl -X PATCH '${url}${path}/collections/pages/records/welcome' \\
  -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\
  -d '{"fields": {"title": "Hello"}}'

curl -N '${url}${path}/changes?from=now' -H 'Authorization: Bearer ${token}'`,
    },
    {
      title: "Command line",
      text: `export SYNCLINE_URL=${url} SYNCLINE_TOKEN=${token}
syncline put ${space} pages welcome title=Hello
syncline tail ${space} --from start`,
    },
  ];
}

// Who may read a space, or more.

import { useState } from "react";
import type { Answer } from "../hub/answer";
import { useList } from "../hub/answer";
import { ask, spacePath } from "../hub/request";
import { useSession } from "../hub/session";
import { type Member, ROLES, type SpaceDetails, type User } from "../hub/shapes";
import { Icon } from "../parts/icon";
import { Await, Empty } from "../parts/states";
import { complain, say } from "../parts/toast";

const WORDS = {
  owner: "reads, writes, and says who else may",
  writer: "reads and writes",
  reader: "reads",
} as const;

export function Members(props: { readonly name: string; readonly details: Answer<SpaceDetails> }) {
  const { name, details } = props;
  const set = (user: string, role: string | undefined): void => {
    const path = spacePath(name, "members", user);
    const asked = role === undefined ? ask(`DELETE ${path}`) : ask(`PUT ${path}`, { role });
    const done = role === undefined ? `${user} is no member any more.` : `${user} is ${role} now.`;
    asked.then(() => {
      details.reload();
      say(done);
    }, complain);
  };
  return (
    <Await answer={details}>
      {({ members, role }) => (
        <section className="narrow">
          {members.length === 0 && <Empty title="Nobody but admins" />}
          <ul className="members">
            {members.map((member) => (
              <Row key={member.user} member={member} isOwner={role === "owner"} set={set} />
            ))}
          </ul>
          {role === "owner" && <Add members={members} set={set} />}
        </section>
      )}
    </Await>
  );
}

type Assign = (user: string, role: string | undefined) => void;

function Row(props: { readonly member: Member; readonly isOwner: boolean; readonly set: Assign }) {
  const { member, isOwner, set } = props;
  return (
    <li>
      <strong>{member.user}</strong>
      <select
        aria-label={`Role of ${member.user}`}
        value={member.role}
        disabled={!isOwner}
        onChange={({ target }) => set(member.user, target.value)}
      >
        {ROLES.map((role) => (
          <option key={role}>{role}</option>
        ))}
      </select>
      <span className="muted">{WORDS[member.role]}</span>
      {isOwner && (
        <button
          type="button"
          className="icon-button"
          aria-label={`Remove ${member.user}`}
          onClick={() => set(member.user, undefined)}
        >
          <Icon name="close" />
        </button>
      )}
    </li>
  );
}

function Add({ members, set }: { readonly members: readonly Member[]; readonly set: Assign }) {
  const { who } = useSession();
  const users = useList<User>(who.admin ? "/users" : undefined, 10_000);
  const [user, setUser] = useState("");
  const [role, setRole] = useState("writer");
  const others = (users.data ?? []).filter(({ name }) => !members.some((it) => it.user === name));
  return (
    <form
      className="add"
      onSubmit={(event) => {
        event.preventDefault();
        set(user, role);
        setUser("");
      }}
    >
      <input
        aria-label="Account"
        placeholder="account"
        list="accounts"
        value={user}
        onChange={({ target }) => setUser(target.value)}
      />
      <datalist id="accounts">
        {others.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <select aria-label="Role" value={role} onChange={({ target }) => setRole(target.value)}>
        {ROLES.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      <button type="submit" className="button" disabled={user === ""}>
        <Icon name="plus" /> Add
      </button>
    </form>
  );
}

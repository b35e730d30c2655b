// An answer of the hub's with its reasons: what decided, and what matched beside it and gave way.

import type { AccessRule, Explanation } from "../../hub/shapes";
import { keyOf, NAMES, type Question, weakness } from "./rule";

interface BecauseProps {
  readonly explained: Explanation;
  readonly asked: Question;
  /** The rules that match, in the eyes of who may see them, the one first that decides. */
  readonly matched: readonly AccessRule[] | undefined;
}

/** What a role may by itself. */
const ROLE_WORDS = {
  owner: "owners may do everything",
  writer: "writers read, write and delete",
  reader: "readers read",
} as const;

export function Because({ explained, asked, matched }: BecauseProps) {
  const { verdict, rule } = explained;
  const others = (matched ?? []).filter((it) => rule === null || keyOf(it) !== keyOf(rule));
  const isAlone = matched !== undefined && others.length === 0;
  return (
    <div className="access-answer" role="status">
      <p>
        <strong className={`access-verdict ${verdict}`}>{verdict}</strong> {asked.principal}{" "}
        {verdict === "allow" ? "may" : "may not"} {asked.action} <code>{asked.item}</code>.
      </p>
      <p>{reason(explained, asked, isAlone)}</p>
      {(rule !== null || others.length > 0) && (
        <ol>
          {rule !== null && (
            <li>
              <Shown rule={rule} /> <strong>decides</strong>
            </li>
          )}
          {others.map((other) => (
            <li key={keyOf(other)}>
              <Shown rule={other} /> <span className="muted">{standing(other, rule)}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function Shown({ rule }: { readonly rule: AccessRule }) {
  const { verdict, item, principal, action } = rule;
  return (
    <>
      <span className={`access-verdict ${verdict}`}>{verdict}</span> <code>{item}</code> ·{" "}
      <code>{principal}</code> · <code>{action}</code>
    </>
  );
}

function reason({ by, role }: Explanation, { principal }: Question, isAlone: boolean): string {
  switch (by) {
    case "owner":
      return `${principal} is an owner or an admin: no rule binds them.`;
    case "no_member":
      return `${principal} is no member of this space. Rules refine what members may; they let nobody in.`;
    case "role":
      return role === null
        ? "No rule matches."
        : `No rule matches, so the role decides: ${principal} is ${role}, and ${ROLE_WORDS[role]}.`;
    default:
      return isAlone
        ? "One rule matches:"
        : "Of the rules that match, this one is the most specific:";
  }
}

/** How a rule that matches stands beside what decides. */
function standing(rule: AccessRule, decider: AccessRule | null): string {
  const part = decider === null ? undefined : weakness(rule, decider);
  return part === undefined ? "matches, and does not bind" : `less specific ${NAMES[part]}`;
}

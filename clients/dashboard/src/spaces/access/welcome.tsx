// What rules are for, while there is none: three that somebody may want, each begun by a click.

import type { AccessRule, SpaceDetails, Verdict } from "../../hub/shapes";
import { Empty } from "../../parts/states";
import { sentence } from "./rule";

export function Welcome(props: {
  readonly details: SpaceDetails | undefined;
  readonly begin: (rule: AccessRule) => void;
}) {
  return (
    <Empty title="Every member may what their role says">
      <p>
        Rules refine that, by item. They hold from the moment that they are made: open pages and
        apps lose what they may not read any more, and gain what they may. For example:
      </p>
      <ul className="access-examples">
        {examples(props.details).map(({ why, rule }) => (
          <li key={why}>
            <button
              type="button"
              className="button access-example"
              onClick={() => props.begin(rule)}
            >
              {sentence(rule)}
            </button>
            <span className="muted">{why}</span>
          </li>
        ))}
      </ul>
    </Empty>
  );
}

/** With names of this space, as far as it has some. */
function examples(details: SpaceDetails | undefined) {
  const collection = details?.collections[0]?.name ?? "diary";
  const members = details?.members ?? [];
  const member = members.find(({ role }) => role !== "owner")?.user ?? "ben";
  const rule = (verdict: Verdict, principal: string, item: string, action: string): AccessRule => {
    return { verdict, principal, item, action };
  };
  const shared = `${collection}/shared-*`;
  return [
    {
      why: "A collection for the owners alone",
      rule: rule("deny", "*", `${collection}/*`, "*"),
    },
    { why: "An exception, for a reader too", rule: rule("allow", member, shared, "write") },
    { why: "Nothing gets lost", rule: rule("deny", "*", "*", "delete") },
  ];
}

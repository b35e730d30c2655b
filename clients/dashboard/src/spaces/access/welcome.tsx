// What rules are for, while there is none: three that somebody may want, each begun by a click.

import type { SpaceDetails } from "../../hub/shapes";
import { Empty } from "../../parts/states";
import { sentence } from "./rule";
import type { Draft } from "./rules";

export function Welcome(props: {
  readonly details: SpaceDetails | undefined;
  readonly draw: (draft: Draft) => void;
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
              onClick={() => props.draw(rule)}
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
  const rule = (principal: string, item: string, action: string, verdict: "allow" | "deny") => {
    return { principal, item, action, verdict };
  };
  return [
    { why: "for the owners alone", rule: rule("*", `${collection}/*`, "*", "deny") },
    {
      why: "an exception, also for a reader",
      rule: rule(member, `${collection}/shared-*`, "write", "allow"),
    },
    { why: "nothing gets lost", rule: rule("*", "*", "delete", "deny") },
  ];
}

// May this member do this to this item? The hub answers; the page shows which rule decided and why.

import { type FormEvent, useState } from "react";
import type { Space } from "syncline";
import { useAnswer } from "../../hub/answer";
import { explainPath, HubError } from "../../hub/request";
import type { AccessRule, Explanation, SpaceDetails } from "../../hub/shapes";
import { Failed, Loading } from "../../parts/states";
import { go } from "../../route";
import { Because } from "./because";
import { blamed } from "./change";
import { PatternField } from "./pattern";
import { matching, type Question } from "./rule";
import { actionsOf, isOfApp, membersOf, useItems } from "./words";

interface WhyProps {
  readonly space: Space;
  /** The rules, in the eyes of who may see them. */
  readonly rules: readonly AccessRule[] | undefined;
  readonly details: SpaceDetails | undefined;
  readonly question: Partial<Question> & { readonly isOwnOnly: boolean };
}

const EVERY_MS = 2_000;

export function Why({ space, rules, details, question }: WhyProps) {
  const { isOwnOnly, principal = "", item = "", action = "read" } = question;
  const [draft, setDraft] = useState<Question>({ principal, item, action });
  const isAsked = principal !== "" && item !== "";
  const asked: Question = { principal, item, action };
  const path = explainPath(space.name, { ...asked });
  const answer = useAnswer<Explanation>(isAsked ? path : undefined, EVERY_MS);
  const problem = answer.error instanceof HubError ? blamed(answer.error.message) : undefined;
  const items = useItems(space, details, draft.item);
  const field = (part: keyof Question) => ({
    value: draft[part],
    change: (value: string) => setDraft({ ...draft, [part]: value }),
    problem: problem?.part === part ? problem.text : undefined,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    go("spaces", space.name, "access", draft.item, draft.principal, draft.action);
  };
  const isWhole = draft.item !== "" && draft.principal !== "" && draft.action !== "";
  return (
    <section className="access-why">
      <h2>Why?</h2>
      <form onSubmit={submit}>
        <PatternField
          label="May this member"
          words={membersOf(details)}
          isReadOnly={isOwnOnly}
          {...field("principal")}
        />
        <PatternField
          label="do this"
          words={actionsOf(space.name, rules ?? [])}
          {...field("action")}
        />
        <PatternField
          label="to this item"
          hint={isOfApp(space.name) ? "As the app calls it." : "collection/key; .acl is the rules."}
          words={[...items.collections.map((name) => `${name}/`), ...items.records]}
          {...field("item")}
        />
        <button type="submit" className="button access-ask" disabled={!isWhole}>
          Ask
        </button>
      </form>
      {isAsked && problem === undefined && (
        <Answered
          explained={answer.data}
          error={answer.error}
          asked={asked}
          matched={rules && matching(rules, asked)}
        />
      )}
    </section>
  );
}

function Answered(props: {
  readonly explained: Explanation | undefined;
  readonly error: Error | undefined;
  readonly asked: Question;
  readonly matched: readonly AccessRule[] | undefined;
}) {
  const { explained, error, asked, matched } = props;
  if (error !== undefined) {
    return <Failed error={error} />;
  }
  if (explained === undefined) {
    return <Loading lines={3} />;
  }
  return <Because explained={explained} asked={asked} matched={matched} />;
}

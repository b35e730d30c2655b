// A rule to make: three patterns, a verdict, and what they come to in a sentence.

import { useState } from "react";
import type { Space } from "syncline";
import { wordsOf } from "../../hub/request";
import type { AccessRule, SpaceDetails } from "../../hub/shapes";
import { Dialog } from "../../parts/dialog";
import { addRule, blamed, type Desk } from "./change";
import { PatternField } from "./pattern";
import { type Part, sentence } from "./rule";
import type { Draft } from "./rules";
import { actionsOf, membersOf, useItems } from "./words";

interface NewRuleProps {
  readonly desk: Desk;
  readonly space: Space;
  readonly details: SpaceDetails | undefined;
  readonly draft: Draft;
  readonly close: () => void;
}

const BLANK: AccessRule = { item: "", principal: "*", action: "*", verdict: "deny" };

export function NewRule({ desk, space, details, draft, close }: NewRuleProps) {
  const [rule, setRule] = useState<AccessRule>({ ...BLANK, ...draft });
  const [problem, setProblem] = useState<ReturnType<typeof blamed>>();
  const { collections, records } = useItems(space, details, rule.item);
  const submit = async (): Promise<void> => {
    setProblem(undefined);
    try {
      await addRule(desk, rule);
      close();
    } catch (error) {
      const found = blamed(wordsOf(error));
      setProblem(found);
      if (found === undefined) {
        throw error;
      }
    }
  };
  const field = (part: Part) => ({
    value: rule[part],
    change: (value: string) => setRule({ ...rule, [part]: value }),
    problem: problem?.part === part ? problem.text : undefined,
  });
  return (
    <Dialog title="New rule" action="Make it" submit={submit} close={close}>
      <PatternField
        label="Item"
        hint="collection/key; notes/* is all of notes, notes/a* what begins so, * every item. .acl: these rules."
        words={["*", ...collections.map((name) => `${name}/*`), ...records, ".acl"]}
        {...field("item")}
      />
      <PatternField
        label="Member"
        hint="An account; an* is each whose name begins so, * every member."
        words={["*", ...membersOf(details)]}
        {...field("principal")}
      />
      <PatternField
        label="Action"
        hint={actionHint(actionsOf(space.name, desk.rules))}
        words={["*", ...actionsOf(space.name, desk.rules)]}
        {...field("action")}
      />
      <fieldset className="access-choice">
        <legend className="field-label">Verdict</legend>
        {(["allow", "deny"] as const).map((verdict) => (
          <label key={verdict} className={`access-verdict ${verdict}`}>
            <input
              type="radio"
              name="verdict"
              checked={rule.verdict === verdict}
              onChange={() => setRule({ ...rule, verdict })}
            />{" "}
            {verdict}
          </label>
        ))}
      </fieldset>
      {rule.item !== "" && <p className="access-said">{sentence(rule)}.</p>}
    </Dialog>
  );
}

function actionHint(words: readonly string[]): string {
  return words.length === 0
    ? "As the app calls it; * for every action."
    : `${words.slice(0, 5).join(", ")}; * for every action.`;
}

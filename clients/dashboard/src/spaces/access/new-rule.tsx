// A rule to make or to change: three patterns, a verdict, and what they come to in a sentence.

import { useState } from "react";
import type { Space } from "syncline";
import { wordsOf } from "../../hub/request";
import type { AccessRule, SpaceDetails } from "../../hub/shapes";
import { Dialog } from "../../parts/dialog";
import { blamed, type Desk, keepRule } from "./change";
import { PatternField } from "./pattern";
import { type Part, sentence } from "./rule";
import type { Draft } from "./rules";
import { actionsOf, isOfApp, membersOf, useItems } from "./words";

interface NewRuleProps {
  readonly desk: Desk;
  readonly space: Space;
  readonly details: SpaceDetails | undefined;
  readonly draft: Draft;
  readonly close: () => void;
}

const BLANK: AccessRule = { item: "", principal: "*", action: "*", verdict: "deny" };

export function NewRule({ desk, space, details, draft, close }: NewRuleProps) {
  const { isOld = false } = draft;
  const [rule, setRule] = useState(draft.rule ?? BLANK);
  const [problem, setProblem] = useState<ReturnType<typeof blamed>>();
  const { collections, records } = useItems(space, details, rule.item);
  const actions = actionsOf(space.name, desk.rules);
  const submit = async (): Promise<void> => {
    setProblem(undefined);
    try {
      await keepRule(desk, rule, isOld ? draft.rule : undefined);
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
    <Dialog
      title={isOld ? "Rule" : "New rule"}
      action={isOld ? "Change it" : "Make it"}
      submit={submit}
      close={close}
    >
      <PatternField
        label="Item"
        hint={itemHint(space.name)}
        words={["*", ...collections.map((name) => `${name}/*`), ...records, ".acl"]}
        {...field("item")}
      />
      <PatternField
        label="Member"
        hint="An account. an* is each whose name begins so, * everybody."
        words={["*", ...membersOf(details)]}
        {...field("principal")}
      />
      <PatternField
        label="Action"
        hint={actionHint(actions)}
        words={["*", ...actions]}
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

function itemHint(space: string): string {
  return isOfApp(space)
    ? "As the app calls it. a* is what begins so, * everything."
    : "collection/key. notes/* is all of notes, notes/a* what begins so, * everything; .acl is the rules.";
}

function actionHint(words: readonly string[]): string {
  return words.length === 0
    ? "As the app calls it. * is every action."
    : `Such as ${words.slice(0, 4).join(", ")}. * is every action.`;
}

// The rules of a space in the order in which they decide, each to be changed and removed.

import { useMemo, useState } from "react";
import type { Space } from "syncline";
import type { AccessRule, SpaceDetails, Verdict } from "../../hub/shapes";
import { counted } from "../../hub/words";
import { Icon } from "../../parts/icon";
import { type Column, Table } from "../../parts/table";
import { complain } from "../../parts/toast";
import { type Desk, keepRule, removeRule } from "./change";
import { NewRule } from "./new-rule";
import { keyOf, sentence } from "./rule";
import { Welcome } from "./welcome";

interface RulesProps {
  readonly desk: Desk;
  readonly space: Space;
  readonly details: SpaceDetails | undefined;
}

/** What a rule is begun with. */
export interface Draft {
  readonly rule?: AccessRule;
  /** Whether it stands already, and is to be changed. */
  readonly isOld?: boolean;
}

export function Rules({ desk, space, details }: RulesProps) {
  const [draft, setDraft] = useState<Draft>();
  const columns = useMemo(() => columnsOf(desk, setDraft), [desk]);
  const { rules } = desk;
  return (
    <section className="access-rules">
      <header className="title">
        <h2>Rules</h2>
        {rules.length > 0 && <span className="tools-note">{counted(rules.length, "rule")}</span>}
        <button type="button" className="button" onClick={() => setDraft({})}>
          <Icon name="plus" /> New rule
        </button>
      </header>
      {rules.length === 0 ? (
        <Welcome details={details} begin={(rule) => setDraft({ rule })} />
      ) : (
        <>
          <Table label="Access rules" columns={columns} items={rules} keyOf={keyOf} isGrown />
          <p className="access-note">
            Of the rules that match, the uppermost decides: the most specific item first, then the
            member, then the action. Where none matches, the member’s role does. Owners and admins
            are bound by none.
          </p>
        </>
      )}
      {draft && (
        <NewRule
          desk={desk}
          space={space}
          details={details}
          draft={draft}
          close={() => setDraft(undefined)}
        />
      )}
    </section>
  );
}

function columnsOf(desk: Desk, open: (draft: Draft) => void): readonly Column<AccessRule>[] {
  const turn = (rule: AccessRule, verdict: string): void => {
    keepRule(desk, { ...rule, verdict: verdict as Verdict }).catch(complain);
  };
  return [
    {
      title: "Item",
      width: "minmax(5.5rem, 2.2fr)",
      draw: (rule) => (
        <button
          type="button"
          className="link access-open"
          title="Look at the whole rule, and change it"
          onClick={() => open({ rule, isOld: true })}
        >
          <code>{rule.item}</code>
        </button>
      ),
    },
    { title: "Member", width: "minmax(2.5rem, 1fr)", draw: ({ principal }) => pattern(principal) },
    { title: "Action", width: "minmax(2.5rem, 1fr)", draw: ({ action }) => pattern(action) },
    {
      title: "Verdict",
      width: "5.2rem",
      draw: (rule) => (
        <select
          className={`access-verdict ${rule.verdict}`}
          aria-label={`Verdict: ${sentence(rule)}`}
          value={rule.verdict}
          onChange={({ target }) => turn(rule, target.value)}
        >
          <option>allow</option>
          <option>deny</option>
        </select>
      ),
    },
    {
      title: "",
      width: "1.5rem",
      isNumber: true,
      draw: (rule) => (
        <button
          type="button"
          className="icon-button"
          aria-label={`Remove: ${sentence(rule)}`}
          onClick={() => void removeRule(desk, rule).catch(complain)}
        >
          <Icon name="trash" />
        </button>
      ),
    },
  ];
}

function pattern(text: string) {
  return (
    <code title={text} className={text === "*" ? "access-any" : undefined}>
      {text}
    </code>
  );
}

// Access rules, pure: which match, which of them decides, and what one says as a sentence.
//
// The hub decides; the page puts rules in the same order, so that one sees why. Lengths are bytes
// of UTF-8, as the hub compares them.

import type { AccessRule } from "../../hub/shapes";

/** What is asked: may this member do this to this item? */
export interface Question {
  readonly principal: string;
  readonly item: string;
  readonly action: string;
}

/** The patterns of a rule, the one first that weighs most. */
export const PARTS = ["item", "principal", "action"] as const;

export type Part = (typeof PARTS)[number];

/** What the parts are called. */
export const NAMES = { item: "item", principal: "member", action: "action" } as const;

/** The item that the rules themselves are. */
const RULES = ".acl";
const UTF8 = new TextEncoder();

/** How narrow a pattern is: twice its bytes, and a bit less when it ends with `*`. */
export function specificity(pattern: string): number {
  return 2 * UTF8.encode(pattern).length - (pattern.endsWith("*") ? 1 : 0);
}

/** Whether a pattern means a value: the same one, or any that begins so. */
export function matches(pattern: string, value: string): boolean {
  return pattern.endsWith("*") ? value.startsWith(pattern.slice(0, -1)) : pattern === value;
}

/**
 * The rules in the order in which they decide. What weighs the same never matches one value: it
 * stands by its text. Each is weighed once, for there may be ten thousand.
 */
export function inOrder(rules: readonly AccessRule[]): readonly AccessRule[] {
  return rules
    .map(weighed)
    .sort(byWeight)
    .map(({ rule }) => rule);
}

interface Weighed {
  readonly rule: AccessRule;
  readonly weights: Readonly<Record<Part, number>>;
}

function weighed(rule: AccessRule): Weighed {
  const weights = {
    item: specificity(rule.item),
    principal: specificity(rule.principal),
    action: specificity(rule.action),
  };
  return { rule, weights };
}

function byWeight(one: Weighed, other: Weighed): number {
  for (const part of PARTS) {
    const heavier = other.weights[part] - one.weights[part];
    if (heavier !== 0) {
      return heavier;
    }
    const [a, b] = [one.rule[part], other.rule[part]];
    if (a !== b) {
      return a < b ? -1 : 1;
    }
  }
  return 0;
}

/** The rules that speak to a question, the one first that decides it. */
export function matching(rules: readonly AccessRule[], asked: Question): readonly AccessRule[] {
  return inOrder(rules.filter((rule) => PARTS.every((part) => matches(rule[part], asked[part]))));
}

/** Why a rule gives way to the one that decides: the part in which that one is the more specific. */
export function weakness(rule: AccessRule, decider: AccessRule): Part | undefined {
  return PARTS.find((part) => rule[part] !== decider[part]);
}

/** What no two rules of a space share. */
export function keyOf({ principal, item, action }: AccessRule): string {
  return JSON.stringify([principal, item, action]);
}

/** A rule as one would say it. */
export function sentence(rule: AccessRule): string {
  return `${whomMay(rule)} ${deed(rule)} ${thing(rule)}`;
}

function whomMay({ principal, verdict }: AccessRule): string {
  const isAllowed = verdict === "allow";
  if (principal === "*") {
    return isAllowed ? "Every member may" : "Nobody but owners may";
  }
  if (principal.endsWith("*")) {
    const name = `whose name begins with ${stem(principal)}`;
    return isAllowed ? `Everybody ${name} may` : `Nobody ${name} may`;
  }
  return `${principal} ${isAllowed ? "may" : "may not"}`;
}

function deed({ action, item }: AccessRule): string {
  if (action === "*") {
    return "do anything with";
  }
  if (action === "admin" && item === RULES) {
    return "change";
  }
  return action.endsWith("*") ? `do what begins with ${stem(action)} to` : action;
}

function thing({ item }: AccessRule): string {
  if (item === "*") {
    return "any item";
  }
  if (item === RULES) {
    return "the access rules";
  }
  if (item.endsWith("/*") && item.indexOf("/") === item.length - 2) {
    return `what is in ${item.slice(0, -2)}`;
  }
  return item.endsWith("*") ? `what begins with ${stem(item)}` : item;
}

function stem(pattern: string): string {
  return pattern.slice(0, -1);
}

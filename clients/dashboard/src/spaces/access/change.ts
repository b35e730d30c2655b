// What is done to the rules of a space, each with its way back.

import { ask, spacePath } from "../../hub/request";
import type { AccessRule, Verdict } from "../../hub/shapes";
import { done } from "../undo";
import { type Part, sentence } from "./rule";

/** The rules of one space, for whoever changes them. */
export interface Desk {
  readonly space: string;
  /** As they stand. */
  readonly rules: readonly AccessRule[];
  /** Something was changed: they should be read again. */
  readonly changed: () => void;
}

/** Adds a rule. It takes the place of one with the same patterns, and gives it back. */
export async function addRule(desk: Desk, rule: AccessRule): Promise<void> {
  const before = desk.rules.find(({ principal, item, action }) => {
    return principal === rule.principal && item === rule.item && action === rule.action;
  });
  await put(desk, rule);
  told(`${sentence(rule)}.`, () => (before === undefined ? drop(desk, rule) : put(desk, before)));
}

/** Lets a rule say something else. */
export async function turnRule(desk: Desk, rule: AccessRule, verdict: Verdict): Promise<void> {
  const turned = { ...rule, verdict };
  await put(desk, turned);
  told(`${sentence(turned)}.`, () => put(desk, rule));
}

/** Takes a rule out. */
export async function removeRule(desk: Desk, rule: AccessRule): Promise<void> {
  await drop(desk, rule);
  told(`Removed: ${sentence(rule)}.`, () => put(desk, rule));
}

function told(text: string, back: () => Promise<void>): void {
  done({ whenAcked: Promise.resolve() }, text, () => ({ whenAcked: back() }));
}

async function put({ space, changed }: Desk, rule: AccessRule): Promise<void> {
  await ask(`PUT ${spacePath(space, "acl")}`, rule);
  changed();
}

async function drop({ space, changed }: Desk, rule: AccessRule): Promise<void> {
  const { principal, item, action } = rule;
  const patterns = new URLSearchParams({ principal, item, action });
  await ask(`DELETE ${spacePath(space, "acl")}?${patterns}`);
  changed();
}

/** What the hub said of one of the fields, in its own words. */
export function blamed(text: string): { readonly part: Part; readonly text: string } | undefined {
  const [, subject, part, rest] = /^(The|An) (principal|item|action) (.+)$/is.exec(text) ?? [];
  if (part === undefined || rest === undefined) {
    return undefined;
  }
  const words = subject === "The" ? rest : text;
  return { part: part as Part, text: `${words.charAt(0).toUpperCase()}${words.slice(1)}` };
}

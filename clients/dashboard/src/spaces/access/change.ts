// What is done to the rules of a space, each with its way back.

import { ask, spacePath } from "../../hub/request";
import type { AccessRule } from "../../hub/shapes";
import { done } from "../undo";
import { keyOf, type Part, sentence } from "./rule";

/** The rules of one space, for whoever changes them. */
export interface Desk {
  readonly space: string;
  /** As they stand. */
  readonly rules: readonly AccessRule[];
  /** Something was changed: they should be read again. */
  readonly changed: () => void;
}

/**
 * Makes a rule, in the place of an old one where there is one. The way back brings both again: the
 * old one, and the one that had the same patterns as the new one.
 */
export async function keepRule(desk: Desk, rule: AccessRule, old?: AccessRule): Promise<void> {
  const gone = old !== undefined && keyOf(old) !== keyOf(rule) ? old : undefined;
  const before = desk.rules.find((known) => keyOf(known) === keyOf(rule));
  await put(desk, rule);
  if (gone !== undefined) {
    await drop(desk, gone);
  }
  told(`${sentence(rule)}.`, async () => {
    if (gone !== undefined) {
      await put(desk, gone);
    }
    await (before === undefined ? drop(desk, rule) : put(desk, before));
  });
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

/**
 * What the hub said of one of the fields, in its own words. Its advice, a sentence of its own, is
 * for programs: the place says what to change.
 */
export function blamed(text: string): { readonly part: Part; readonly text: string } | undefined {
  const [said = ""] = text.split(". ");
  const [, subject, part, rest] = /^(The|An) (principal|item|action) (.+)$/is.exec(said) ?? [];
  if (part === undefined || rest === undefined) {
    return undefined;
  }
  const words = subject === "The" ? rest : said;
  return { part: part as Part, text: `${words.charAt(0).toUpperCase()}${words.slice(1)}` };
}

// The way back from what was done in this tab: an edit, a delete, a rule.
//
// Taking back is a write like any other, of what the record showed before. What others changed
// since in other fields stays.

import { useEffect } from "react";
import type { Plain, RecordView, Space } from "syncline";
import { complain, say } from "../parts/toast";

type Fields = { readonly [field: string]: Plain | undefined };

/** Something that was begun, as a write is. */
interface Begun {
  readonly whenAcked: Promise<unknown>;
}

interface Step {
  readonly text: string;
  readonly back: () => Begun;
}

/** More steps than anybody remembers. */
const STEPS_MAX = 50;

const steps: Step[] = [];

/** Sets fields of a record, or drops those that are `undefined`. */
export function edit(space: Space, collection: string, key: string, fields: Fields): void {
  const before = space.get(collection, key);
  const write = space.put(collection, key, fields);
  const old = Object.fromEntries(
    Object.keys(fields).map((field) => [field, before?.fields[field]]),
  );
  const isNew = before === undefined;
  const [first = ""] = Object.keys(fields);
  done(write, isNew ? `Made ${key}.` : `Changed ${first} of ${key}.`, () =>
    isNew ? space.delete(collection, key) : space.put(collection, key, old),
  );
}

/** Deletes a record. */
export function remove(space: Space, { collection, key, fields }: RecordView): void {
  done(space.delete(collection, key), `Deleted ${key}.`, () => space.put(collection, key, fields));
}

/** Notes that something was written, and how it is taken back. */
export function done(write: Begun, text: string, back: () => Begun): void {
  const step = { text, back };
  steps.push(step);
  steps.splice(0, steps.length - STEPS_MAX);
  watch(write);
  say(text, () => undo(step));
}

/** Takes back a step, or the last one. */
function undo(step = steps.at(-1)): void {
  if (step === undefined || !steps.includes(step)) {
    return;
  }
  steps.splice(steps.indexOf(step), 1);
  try {
    watch(step.back());
    say("Taken back.");
  } catch (error) {
    complain(error);
  }
}

/** The hub may refuse a write long after; then it is no longer read, and a person should know. */
function watch(write: Begun): void {
  write.whenAcked.catch(complain);
}

/** Takes back the last step on Control-Z, outside of places where text is written. */
export function useUndoKey(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z";
      const isWriting = event.target instanceof Element && event.target.closest("input, textarea");
      if (isUndo && !isWriting && steps.length > 0) {
        event.preventDefault();
        undo();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

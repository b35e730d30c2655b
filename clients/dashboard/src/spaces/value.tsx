// One field, to be read and written: a text as it is, anything else as JSON.
//
//   shown --- one writes ---> dirty --- Enter, or leaving it ---> written
//                               '------ Escape -----------------> shown
//
// What comes from elsewhere while one writes is told, and overwrites nothing.

import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Plain } from "syncline";
import { inline, isEditable, jsonOf } from "../hub/words";
import { Icon } from "../parts/icon";

interface FieldProps {
  readonly name: string;
  readonly value: Plain | undefined;
  readonly isReadOnly: boolean;
  /** Writes another value; `undefined` drops the field. */
  readonly write: (value: Plain | undefined) => void;
}

export function FieldEditor({ name, value, isReadOnly, write }: FieldProps) {
  const shown = inline(value);
  const [draft, setDraft] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const changes = useChanges(shown);
  const isText = typeof value === "string";
  const isDirty = draft !== undefined && draft !== shown;

  const give = (): void => {
    setDraft(undefined);
    setProblem(undefined);
  };
  const commit = (): void => {
    if (draft === undefined || !isDirty) {
      give();
      return;
    }
    const read = isText ? { value: draft } : parse(draft);
    if ("problem" in read) {
      setProblem(read.problem);
      return;
    }
    write(read.value);
    give();
  };
  const pressed = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Escape" && isDirty) {
      event.preventDefault();
      give();
    } else if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      commit();
    }
  };
  const text = draft ?? (isText ? shown : jsonOf(value));
  return (
    <div className={isDirty ? "field-row dirty" : "field-row"}>
      <label htmlFor={`field-${name}`}>
        {name} <em>{kindOf(value)}</em>
      </label>
      <div key={changes} className={changes > 0 ? "field-value flash" : "field-value"}>
        <textarea
          id={`field-${name}`}
          rows={Math.min(Math.max(Math.ceil(text.length / 44), text.split("\n").length), 8)}
          spellCheck={false}
          readOnly={isReadOnly || !isEditable(value)}
          value={text}
          onChange={({ target }) => setDraft(target.value)}
          onBlur={commit}
          onKeyDown={pressed}
        />
        {!isReadOnly && (
          <button
            type="button"
            className="icon-button"
            aria-label={`Drop ${name}`}
            title="Drop this field"
            onClick={() => write(undefined)}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      {problem !== undefined && (
        <p className="form-error" role="alert">
          {problem}
        </p>
      )}
      {isDirty && <Meanwhile shown={shown} />}
    </div>
  );
}

/** What the field has become since one began to write. */
function Meanwhile({ shown }: { readonly shown: string }) {
  const began = useRef(shown);
  return began.current === shown ? (
    <p className="field-hint">Enter writes, Escape leaves it as it was</p>
  ) : (
    <p className="field-hint warn">Meanwhile it became: {shown.slice(0, 200)}</p>
  );
}

/** How often the field has changed while somebody looked: each makes it flash once. */
function useChanges(shown: string): number {
  const [changes, setChanges] = useState(0);
  const last = useRef(shown);
  useEffect(() => {
    // A field that is being written keeps its place and its caret.
    const isWriting = document.activeElement?.matches("textarea") === true;
    if (last.current !== shown && !isWriting) {
      setChanges((count) => count + 1);
    }
    last.current = shown;
  }, [shown]);
  return changes;
}

function parse(text: string): { readonly value: Plain } | { readonly problem: string } {
  try {
    return { value: JSON.parse(text) as Plain };
  } catch {
    return { problem: 'This is no JSON. A text is written "so", in quotes.' };
  }
}

function kindOf(value: Plain | undefined): string {
  if (value === null) {
    return "nothing";
  }
  if (Array.isArray(value)) {
    return "list";
  }
  if (value instanceof Date) {
    return "time";
  }
  if (value instanceof Uint8Array) {
    return `${value.length} bytes`;
  }
  const kinds: Readonly<Record<string, string>> = {
    string: "text",
    object: "map",
    boolean: "yes/no",
  };
  return kinds[typeof value] ?? "number";
}

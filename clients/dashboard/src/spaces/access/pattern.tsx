// A field for a pattern or a value: what may stand there, completions, and what the hub said of it.

import { useEffect, useId, useRef } from "react";

interface PatternFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: string;
  readonly change: (value: string) => void;
  readonly words: readonly string[];
  /** Why the hub did not take it. */
  readonly problem?: string | undefined;
  readonly isReadOnly?: boolean;
}

export function PatternField(props: PatternFieldProps) {
  const { label, hint, value, change, words, problem, isReadOnly = false } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (problem !== undefined) {
      input.current?.focus();
    }
  }, [problem]);
  return (
    <div className="field">
      <label className="field-label" htmlFor={`${id}-input`}>
        {label}
      </label>
      <input
        ref={input}
        id={`${id}-input`}
        list={`${id}-words`}
        value={value}
        readOnly={isReadOnly}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-about`}
        onChange={({ target }) => change(target.value)}
      />
      <datalist id={`${id}-words`}>
        {words.map((word) => (
          <option key={word} value={word} />
        ))}
      </datalist>
      <div id={`${id}-about`}>
        {problem !== undefined && (
          <p className="form-error" role="alert">
            {problem}
          </p>
        )}
        {hint !== undefined && <p className="field-hint">{hint}</p>}
      </div>
    </div>
  );
}

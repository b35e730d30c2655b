// A dialog of the browser's own: it keeps the focus, and Escape closes it.

import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { wordsOf } from "../hub/request";

interface DialogProps {
  readonly title: string;
  /** What the button that does it says; none when there is only reading to do. */
  readonly action?: string;
  readonly isDangerous?: boolean;
  readonly submit?: (form: FormData) => Promise<unknown>;
  readonly close: () => void;
  readonly children: ReactNode;
}

export function Dialog(props: DialogProps) {
  const { title, action, isDangerous, submit, close, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await submit?.(form);
    } catch (failed) {
      setError(wordsOf(failed));
    } finally {
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} className="dialog" aria-label={title} onClose={close}>
      <form onSubmit={send}>
        <h2>{title}</h2>
        {children}
        {error && (
          <p className="form-error" role="alert">
            {error}
          </p>
        )}
        <footer>
          <button type="button" className="button" onClick={close}>
            {action ? "Cancel" : "Done"}
          </button>
          {action && (
            <button
              type="submit"
              className={isDangerous ? "button danger" : "button primary"}
              disabled={isBusy}
            >
              {action}
            </button>
          )}
        </footer>
      </form>
    </dialog>
  );
}

/** A labelled place of a form. */
export function Field(props: {
  readonly label: string;
  readonly hint?: string;
  readonly children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child
    <label className="field">
      <span className="field-label">{props.label}</span>
      {props.children}
      {props.hint && <span className="field-hint">{props.hint}</span>}
    </label>
  );
}

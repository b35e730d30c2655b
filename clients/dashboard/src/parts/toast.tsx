// Short words about what was just done, with the way back where there is one.

import { useSyncExternalStore } from "react";
import { Icon } from "./icon";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
  readonly undo: (() => void) | undefined;
}

const SHOWN_MAX = 3;
const SHOWN_MS = 8_000;

let toasts: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

/** Says something; `undo` offers the way back. */
export function say(text: string, undo?: () => void): void {
  show({ text, isBad: false, undo });
}

/** Says that something failed. */
export function complain(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  show({ text, isBad: true, undo: undefined });
}

function show(toast: Omit<Toast, "id">): void {
  last += 1;
  const id = last;
  set([...toasts, { ...toast, id }].slice(-SHOWN_MAX));
  setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) {
    listener();
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, isBad, undo }) => (
        <div key={id} className={isBad ? "toast bad" : "toast"}>
          <span>{text}</span>
          {undo && (
            <button
              type="button"
              className="link"
              onClick={() => {
                undo();
                dismiss(id);
              }}
            >
              Undo
            </button>
          )}
          <button
            type="button"
            className="icon-button"
            aria-label="Dismiss"
            onClick={() => dismiss(id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

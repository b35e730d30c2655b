// What a route last said, asked again every so often while somebody looks.
//
// The last answer outlives the component that asked: a page that is opened again shows it at once,
// and an error leaves it standing.

import { useCallback, useEffect, useState } from "react";
import { ask, askAll } from "./request";

/** What is known of a route. */
export interface Answer<T> {
  /** The last good answer. */
  readonly data: T | undefined;
  /** Why the last try failed; nothing when it did not. */
  readonly error: Error | undefined;
  /** Asks again now. */
  readonly reload: () => void;
}

const KNOWN = new Map<string, unknown>();

/** One object of a route, such as `/overview`. Without a path nothing is asked. */
export function useAnswer<T>(path: string | undefined, everyMs: number): Answer<T> {
  return useAsked<T>(path, everyMs, one);
}

/** All items of a list, such as `/devices`. */
export function useList<T>(path: string | undefined, everyMs: number): Answer<readonly T[]> {
  return useAsked<readonly T[]>(path, everyMs, askAll);
}

/** What was known belongs to whoever was logged in. */
export function forgetAnswers(): void {
  KNOWN.clear();
}

const one = <T>(path: string): Promise<T> => ask<T>(`GET ${path}`);

type Asking<T> = (path: string) => Promise<T>;

function useAsked<T>(path: string | undefined, everyMs: number, asking: Asking<T>): Answer<T> {
  const [, redraw] = useState(0);
  const [error, setError] = useState<Error>();
  const [round, setRound] = useState(0);
  // A new round is a reload: it begins the whole loop again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    if (path === undefined) {
      return;
    }
    return repeat(everyMs, async (isOver) => {
      const answer = await asking(path).then(
        (data) => ({ data }),
        (failed: Error) => ({ failed }),
      );
      if (isOver()) {
        return;
      }
      if ("data" in answer) {
        KNOWN.set(path, answer.data);
        setError(undefined);
        redraw((count) => count + 1);
      } else {
        setError(answer.failed);
      }
    });
  }, [path, everyMs, asking, round]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return { data: path === undefined ? undefined : (KNOWN.get(path) as T), error, reload };
}

/** Does something now and again, one after the other, not while nobody looks. */
export function repeat(
  everyMs: number,
  work: (isOver: () => boolean) => Promise<unknown>,
): () => void {
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const turn = async (): Promise<void> => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") {
      await work(() => over);
    }
    if (!over) {
      clearTimeout(timer);
      timer = setTimeout(turn, everyMs);
    }
  };
  const looked = (): void => {
    if (document.visibilityState === "visible") {
      void turn();
    }
  };
  document.addEventListener("visibilitychange", looked);
  void turn();
  return () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", looked);
  };
}

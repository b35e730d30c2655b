// What stands where data will be: nothing yet, nothing at all, or the reason why there is none.

import type { ReactNode } from "react";
import type { Answer } from "../hub/answer";
import { UnreachableError } from "../hub/request";

/** There is nothing, and that is no fault: says what would be here, and how it comes. */
export function Empty(props: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{props.title}</p>
      {props.children}
    </div>
  );
}

/** Lines where text will be. */
export function Loading({ lines = 6 }: { readonly lines?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all the same
        <i key={line} />
      ))}
    </div>
  );
}

/** Something failed: in words, with the way to try again. */
export function Failed(props: { readonly error: Error; readonly retry?: () => void }) {
  const isAway = props.error instanceof UnreachableError;
  return (
    <div className={isAway ? "failed away-part" : "failed"} role="alert">
      <p className="failed-title">{isAway ? "The hub does not answer" : "That did not work"}</p>
      <p>
        {isAway
          ? "This part of the page lives on the hub. It comes back by itself when the hub does."
          : props.error.message}
      </p>
      {props.retry && (
        <button type="button" className="button" onClick={props.retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Draws an answer once there is one; a later failure leaves it standing, and says so. */
export function Await<T>(props: {
  readonly answer: Answer<T>;
  readonly lines?: number;
  readonly children: (data: T) => ReactNode;
}) {
  const { answer, lines, children } = props;
  if (answer.data !== undefined) {
    return (
      <>
        {answer.error && (
          <p className="stale" role="status">
            Not fresh: {answer.error.message}
          </p>
        )}
        {children(answer.data)}
      </>
    );
  }
  if (answer.error !== undefined) {
    return <Failed error={answer.error} retry={answer.reload} />;
  }
  return <Loading {...(lines === undefined ? {} : { lines })} />;
}

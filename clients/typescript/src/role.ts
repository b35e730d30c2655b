// What a tab does with what its app asks for. There are two answers: a tab that leads keeps the
// connection, one that follows asks the one that leads.

import type { Change, PushId } from "./delta.js";
import type { Filter } from "./filter.js";
import type { Guard } from "./guard.js";
import type { SpaceName } from "./name.js";
import type { Replica } from "./replica.js";
import type { Value } from "./value.js";

/** Something that a tab asks of the one that leads. All of it can be sent to another tab. */
export type Ask =
  | { readonly type: "open"; readonly space: SpaceName; readonly filter: Filter }
  | { readonly type: "close"; readonly space: SpaceName }
  | { readonly type: "forget"; readonly space: SpaceName }
  | { readonly type: "verify"; readonly space: SpaceName }
  | { readonly type: "signal"; readonly space: SpaceName; readonly value: Value }
  | { readonly type: "presence"; readonly space: SpaceName; readonly value: Value | undefined }
  | { readonly type: "token"; readonly token: string }
  | { readonly type: "retry" }
  | { readonly type: "start" }
  | { readonly type: "stop" }
  /** A write of the tab, in the bytes of a saved push. */
  | { readonly type: "push"; readonly bytes: Uint8Array };

/** What a tab is to its client. */
export interface Role {
  /** What the app reads. */
  readonly replica: Replica;
  /** Writes to a space, at once. Throws `WriteError`. */
  readonly write: (
    space: SpaceName,
    changes: readonly Change[],
    guards: readonly Guard[],
  ) => PushId;
  /** Does what a tab asks for. Throws `EphemeralError` where a signal cannot go. */
  readonly ask: (ask: Ask) => void;
  /** Waits until everything written so far is kept on this device. */
  readonly saved: () => Promise<void>;
  /** Ends the role: saves, and leaves the hub or the other tabs. */
  readonly end: () => Promise<void>;
}

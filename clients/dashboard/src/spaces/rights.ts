// What one may do to a record: the role says it for a space, and a rule perhaps for this one alone.

import type { Space } from "syncline";
import { useSpaceStatus } from "syncline/react";
import { useAnswer } from "../hub/answer";
import { explainPath } from "../hub/request";
import type { Explanation } from "../hub/shapes";

/** The hub's own space, of which no rule is. */
export const SYSTEM = "system";
/** A right that was given or taken shows after this long at the latest. */
const EVERY_MS = 3_000;

export interface Rights {
  readonly canWrite: boolean;
  readonly canDelete: boolean;
}

/** Until the hub has said, or while it is away, what it said of the whole space holds. */
export function useRights(space: Space, collection: string, key: string): Rights {
  const isWritable = useSpaceStatus(space).isWritable !== false;
  const may = (answer: Explanation | undefined): boolean =>
    answer === undefined ? isWritable : answer.verdict === "allow";
  return {
    canWrite: may(useOwn(space, collection, key, "write")),
    canDelete: may(useOwn(space, collection, key, "delete")),
  };
}

/** The hub's answer for oneself. */
function useOwn(space: Space, collection: string, key: string, action: string) {
  const path = explainPath(space.name, { item: `${collection}/${key}`, action });
  return useAnswer<Explanation>(space.name === SYSTEM ? undefined : path, EVERY_MS).data;
}

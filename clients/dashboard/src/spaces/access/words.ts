// What can be written into the fields of a rule or a question, as completions.

import { useMemo } from "react";
import type { Space } from "syncline";
import type { AccessRule, SpaceDetails } from "../../hub/shapes";

/** The deeds of the hub's own spaces. A gateway's have words of their own. */
const DEEDS = ["read", "write", "delete", "admin"];
/** Nobody reads through more keys than this. */
const KEYS_MAX = 30;

/** Whether an app of a gateway's names the items and actions of a space. */
export function isOfApp(space: string): boolean {
  return space.startsWith("simple-sync/");
}

/** The accounts that a rule of the space can be about. */
export function membersOf(details: SpaceDetails | undefined): readonly string[] {
  return (details?.members ?? []).map(({ user }) => user);
}

/** The actions that there are, as far as one can know. */
export function actionsOf(space: string, rules: readonly AccessRule[]): readonly string[] {
  const named = rules.map(({ action }) => action).filter((action) => !action.endsWith("*"));
  return [...new Set([...(isOfApp(space) ? [] : DEEDS), ...named])];
}

/** The collections of a space, and the keys of the one that has been begun with. */
export function useItems(
  space: Space,
  details: SpaceDetails | undefined,
  begun: string,
): { readonly collections: readonly string[]; readonly records: readonly string[] } {
  const known = details?.collections;
  const collections = useMemo(() => {
    const named = (known ?? []).map(({ name }) => name);
    return [...new Set<string>([...named, ...space.collections()])].sort();
  }, [known, space]);
  const records = useMemo(() => keysOf(space, begun), [space, begun]);
  return { collections, records };
}

function keysOf(space: Space, begun: string): readonly string[] {
  const at = begun.indexOf("/");
  if (at < 1) {
    return [];
  }
  const collection = begun.slice(0, at);
  if (!space.collections().some((name) => name === collection)) {
    return [];
  }
  const records = space.list(collection, begun.slice(at + 1).replace(/\*$/, ""));
  return records.slice(0, KEYS_MAX).map(({ key }) => `${collection}/${key}`);
}

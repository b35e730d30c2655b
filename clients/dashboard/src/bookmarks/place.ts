// Where one is on this page: `#/bookmarks/alice/folder/4f1c/9ab0`, the last segment a link.

import { go, href, type Route } from "../route";

export interface Place {
  readonly user: string;
  /** `all`, `unfiled`, `important`, `archive`, `history`, `deleted`, `connect`, or one with a key. */
  readonly kind: string;
  /** The key of a folder, a tag or a panel. */
  readonly key: string | undefined;
  /** The key of the link that is looked at. */
  readonly link: string | undefined;
}

const WITH_KEYS = ["folder", "tag", "panel"];

export function placeOf([, user, kind = "all", ...rest]: Route, account: string): Place {
  const hasKey = WITH_KEYS.includes(kind);
  const [key, link] = hasKey ? rest : [undefined, rest[0]];
  return { user: user ?? account, kind, key, link };
}

/** The name of a place, as the counts of a library have it. */
export const nameOf = ({ kind, key }: Place): string =>
  key === undefined ? kind : `${kind}/${key}`;

/** The address of a place in somebody's bookmarks. */
export const hrefOf = (user: string, ...place: readonly string[]): string =>
  href("bookmarks", user, ...place);

/** Goes to a place, and looks at a link there if one is named. */
export function goTo({ user, kind, key }: Place, link?: string): void {
  const segments = [kind, key, link].filter((segment) => segment !== undefined);
  go("bookmarks", user, ...segments);
}

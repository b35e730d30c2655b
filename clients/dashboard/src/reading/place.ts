// Where one is in the page: `#/reading/alice/books/<document>`. Without an account it is one's own.

import { go, href, type Route, useRoute } from "../route";

export type Tab = "books" | "devices" | "connect" | "settings" | "accounts";

export interface Place {
  readonly account: string;
  readonly tab: Tab;
  /** The document of the book that is looked at. */
  readonly document: string | undefined;
}

const TABS: readonly string[] = ["books", "devices", "connect", "settings", "accounts"];

export function usePlace(own: string): Place {
  const [, account = own, tab = "books", document] = useRoute();
  return { account, tab: TABS.includes(tab) ? (tab as Tab) : "books", document };
}

export const placeHref = (account: string, tab: Tab, document?: string): string =>
  href(...segments(account, tab, document));

export const goTo = (account: string, tab: Tab, document?: string): void =>
  go(...segments(account, tab, document));

function segments(account: string, tab: Tab, document: string | undefined): Route {
  return ["reading", account, tab, ...(document === undefined ? [] : [document])];
}

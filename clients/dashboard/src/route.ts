// Where one is in the page: `#/spaces/home/records/links/a`, each segment percent-escaped.
//
// After the `#`, so that no address of the page can ever be one of a gateway's, and a reload finds
// the same place without the hub knowing it.

import { useMemo, useSyncExternalStore } from "react";

/** The way to a place, segment by segment. */
export type Route = readonly string[];

/** The address of a place. */
export function href(...segments: Route): string {
  return `#/${segments.map(encodeURIComponent).join("/")}`;
}

/** Goes to a place. */
export function go(...segments: Route): void {
  location.hash = href(...segments);
}

/** Where one is. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(onHash, () => location.hash);
  return useMemo(() => read(hash), [hash]);
}

function onHash(changed: () => void): () => void {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
}

function read(hash: string): Route {
  const segments = hash.replace(/^#\/?/, "").split("/");
  return segments.filter((segment) => segment !== "").map(decoded);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

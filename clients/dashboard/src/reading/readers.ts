// Whose readings one may look at.

import { useMemo } from "react";
import { useList } from "../hub/answer";
import { useSession } from "../hub/session";
import type { SpaceInfo } from "../hub/shapes";
import type { Standing } from "./live";
import { type Reader, ROUTES, textOf } from "./shapes";

const SPACES = "koreader/";
const EVERY_MS = 10_000;

/** The name that an account's devices send: another one, where that could be no account's. */
export function useDeviceName(account: string, standing: Standing): string {
  const { who } = useSession();
  const readers = useList<Reader>(who.admin ? `${ROUTES}/accounts` : undefined, EVERY_MS);
  const settings = standing.type === "open" ? standing.space.get("settings", "account") : undefined;
  const listed = readers.data?.find((reader) => reader.account === account);
  return textOf(settings?.fields["name"]) ?? listed?.name ?? account;
}

/** Accounts whose space one knows, and for admins all that devices can open. */
export function useReaders(): readonly string[] {
  const { who } = useSession();
  const spaces = useList<SpaceInfo>("/spaces", EVERY_MS);
  const readers = useList<Reader>(who.admin ? `${ROUTES}/accounts` : undefined, EVERY_MS);
  return useMemo(() => {
    const shared = (spaces.data ?? []).flatMap(({ name }) =>
      name.startsWith(SPACES) ? [name.slice(SPACES.length)] : [],
    );
    const known = (readers.data ?? []).map(({ account }) => account);
    return [...new Set([...shared, ...known])].sort();
  }, [spaces.data, readers.data]);
}

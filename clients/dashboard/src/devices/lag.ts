// Who lags: what counts as behind, in one place.

import type { Device } from "../hub/shapes";

/**
 * Deltas that a device may be behind before it lags. Devices say only now and then how far they
 * have read, so that a few are no news.
 */
const BEHIND_MAX = 1_000;
/** A clock that is further off is worth a word: stamps run on the hub's time all the same. */
const OFFSET_MS_MAX = 2_000;

/** The space in which a device is furthest behind, and by how much. */
export function furthest(device: Device): Device["spaces"][number] | undefined {
  return device.spaces.reduce<Device["spaces"][number] | undefined>(
    (most, seen) => (most === undefined || seen.behind > most.behind ? seen : most),
    undefined,
  );
}

export function isLagging(device: Device): boolean {
  return (furthest(device)?.behind ?? 0) > BEHIND_MAX;
}

export function isClockOff(device: Device): boolean {
  return Math.abs(device.clock_offset_ms) > OFFSET_MS_MAX;
}

/** What is to be said of the devices that are here. */
export type Verdict =
  | { readonly type: "lag"; readonly devices: readonly Device[] }
  /** Devices tell a while after they came how far they have read: until then nothing is known. */
  | { readonly type: "untold" }
  | { readonly type: "well"; readonly untold: number };

export function verdictOf(here: readonly Device[]): Verdict {
  const devices = here.filter(isLagging);
  const untold = here.filter((device) => furthest(device) === undefined).length;
  if (devices.length > 0) {
    return { type: "lag", devices };
  }
  return untold === here.length && untold > 0 ? { type: "untold" } : { type: "well", untold };
}

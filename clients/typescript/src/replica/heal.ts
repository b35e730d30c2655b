// Healing: what a copy knows and a hub that was restored from a backup has lost.
//
// The offers keep the stamps and the bytes that they had, so that any number of replicas may make
// the same offer. Collections of the hub's own are never offered.

import { DELETE, type Delta, type PutField } from "../delta.js";
import { isReserved } from "../name.js";
import { precedence, type RecordState, registerOf } from "../record.js";
import type { Stamp } from "../stamp.js";
import type { SpaceCopy } from "./copy.js";
import type { RecordName } from "./event.js";

/**
 * Every field and delete in which `old` is newer than `now`, the latest first: when the hub has
 * purged deletes, its first refusal then speaks for everything behind it.
 */
export function offers(old: SpaceCopy, now: SpaceCopy): Delta[] {
  const open = [...old.entries()].filter(([name]) => !isReserved(name.collection));
  const all = open.flatMap(([name, record]) => {
    return offersOf(name, record, now.get(name.collection, name.key));
  });
  return all.sort((a, b) => (a.stamp === b.stamp ? 0 : a.stamp < b.stamp ? 1 : -1));
}

function offersOf(name: RecordName, record: RecordState, known: RecordState | undefined): Delta[] {
  const grave = known?.tombstone?.stamp;
  const puts = new Map<Stamp, PutField[]>();
  for (const register of record.registers) {
    const isHidden = grave !== undefined && register.stamp <= grave;
    const standing = known === undefined ? undefined : registerOf(known, register.name);
    if (!isHidden && (standing === undefined || precedence(register, standing) > 0)) {
      const fields = puts.get(register.stamp) ?? [];
      fields.push({ name: register.name, value: register.value });
      puts.set(register.stamp, fields);
    }
  }
  const found: Delta[] = [...puts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([stamp, fields]) => ({ ...name, stamp, op: { type: "put", fields } }));
  const own = record.tombstone?.stamp;
  if (own !== undefined && (grave === undefined || own > grave)) {
    found.push({ ...name, stamp: own, op: DELETE });
  }
  return found;
}

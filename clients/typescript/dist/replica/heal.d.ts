import { type Delta } from "../delta.js";
import type { SpaceCopy } from "./copy.js";
/**
 * Every field and delete in which `old` is newer than `now`, the latest first: when the hub has
 * purged deletes, its first refusal then speaks for everything behind it.
 */
export declare function offers(old: SpaceCopy, now: SpaceCopy): Delta[];

// The records of a space as one JSON object a line, as `syncline export` writes them.

import { ask, askAll, spacePath } from "../hub/request";
import type { Shown, SpaceDetails } from "../hub/shapes";
import { counted } from "../hub/words";
import { download } from "../parts/download";
import { say } from "../parts/toast";

/** More than this is a job for the command line: the page holds the whole file in memory. */
const RECORDS_MAX = 10_000;

/** Fetches all records of a space, or of one of its collections, and gives them as a file. */
export async function exportRecords(space: string, collection?: string): Promise<void> {
  const { collections } = await ask<SpaceDetails>(`GET ${spacePath(space)}`);
  const wanted = collections.filter(({ name }) => collection === undefined || name === collection);
  const total = wanted.reduce((sum, { records }) => sum + records, 0);
  if (total > RECORDS_MAX) {
    throw new Error(
      `${counted(total, "record")} are more than a page should hold: use \`syncline export ${space}\`.`,
    );
  }
  const lines: string[] = [];
  for (const { name } of wanted) {
    const records = await askAll<Shown>(spacePath(space, "collections", name, "records"));
    lines.push(...records.map(({ key, fields }) => lineOf(name, key, fields)));
  }
  const file = [space, collection].filter((part) => part !== undefined).join("-");
  download(`${file.replaceAll("/", "-")}.ndjson`, lines);
  say(`Exported ${counted(lines.length, "record")}.`);
}

/** A field that is itself called collection or key, or begins with $, has one more $ in front. */
function lineOf(collection: string, key: string, fields: Shown["fields"]): string {
  const named = Object.entries(fields).map(([name, value]) => {
    const isTaken = name === "collection" || name === "key" || name.startsWith("$");
    return [isTaken ? `$${name}` : name, value];
  });
  return JSON.stringify({ collection, key, ...Object.fromEntries(named) });
}

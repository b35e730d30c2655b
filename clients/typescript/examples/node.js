// A script that counts its runs in a space of a hub, and hears of everybody else's.
//
//   SYNCLINE_URL=http://127.0.0.1:7962 SYNCLINE_TOKEN=sl_... node examples/node.js
//
// The space must exist: `syncline space create home`.

import { hostname } from "node:os";
import process from "node:process";
import { connect } from "syncline";

const { SYNCLINE_URL: url = "http://127.0.0.1:7962", SYNCLINE_TOKEN: token } = process.env;
if (token === undefined) {
  process.stderr.write("Set SYNCLINE_TOKEN; the hub's first start left one in admin-token.\n");
  process.exit(2);
}

const client = await connect({ url, token, deviceName: hostname() });
const space = client.space("home");
await space.synced();

/** @type {import("syncline").Collection<{ count: number, by: string }>} */
const runs = space.collection("runs");
runs.subscribe((keys) => {
  for (const key of keys) {
    const run = runs.get(key);
    process.stdout.write(`${key}: ${run?.count ?? 0} runs, the last by ${run?.by ?? "nobody"}\n`);
  }
});

const count = (runs.get("example")?.count ?? 0) + 1;
const ack = await runs.put("example", { count, by: hostname() }).whenAcked;
process.stdout.write(`the hub has it as number ${ack.sequence} of its log\n`);
await client.close();

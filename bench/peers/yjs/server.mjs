// A Hocuspocus server with the SQLite extension, as its documentation sets it up.
// node server.mjs PORT FOLDER

import {Server} from '@hocuspocus/server';
import {SQLite} from '@hocuspocus/extension-sqlite';
import {join} from 'node:path';

const [port, folder] = process.argv.slice(2);
const database = join(folder, 'documents.sqlite');
const server = new Server({
  address: '127.0.0.1',
  port: Number(port),
  quiet: true,
  stopOnSignals: true,
  extensions: [new SQLite({database})],
});
await server.listen();

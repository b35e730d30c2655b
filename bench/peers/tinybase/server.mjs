// A TinyBase WebSocket server that keeps a mergeable store a path, as its documentation sets it up.
// node server.mjs PORT FOLDER

import {createMergeableStore} from 'tinybase';
import {createFilePersister} from 'tinybase/persisters/persister-file';
import {createWsServer} from 'tinybase/synchronizers/synchronizer-ws-server';
import {join} from 'node:path';
import {WebSocketServer} from 'ws';

const [port, folder] = process.argv.slice(2);
const onIgnoredError = (error) => console.error(error?.message ?? error);
createWsServer(
  new WebSocketServer({host: '127.0.0.1', port: Number(port)}),
  (path) =>
    createFilePersister(
      createMergeableStore(),
      join(folder, `${path}.json`),
      onIgnoredError,
    ),
  onIgnoredError,
);

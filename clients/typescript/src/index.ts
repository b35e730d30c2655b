// A Syncline client: live when online, whole when offline. This is the tour; the README has
// examples.
//
// `connect` opens a hub; `client.space` keeps the copy of a space up; reads answer from the copy at
// once; writes are read back at once, kept on the device, and pushed when there is a connection.

export {
  type Client,
  ConnectError,
  type ConnectOptions,
  connect,
  deleteLocalData,
  type SpaceOptions,
} from "./client.js";
export type { Collection, Item } from "./collection.js";
export { type Conflicts, HttpError, type HubConflict, type Writer } from "./conflicts.js";
export { ClosedError, type Write } from "./core.js";
export { FieldsError, type PushId } from "./delta.js";
export type { Channel, Environment, Locks } from "./environment.js";
export { FilterError } from "./filter.js";
export type { Peer } from "./frame.js";
export {
  type CollectionName,
  type DeviceId,
  NameError,
  type RecordKey,
  type SpaceName,
  spaceNameOf,
} from "./name.js";
export type { Connection, Notice, Progress, SpaceStatus } from "./news.js";
export { StoreError } from "./persist.js";
export { Extension, type Plain, PlainError } from "./plain.js";
export { CODES, type Code, isRetryable, type Reject } from "./reject.js";
export { type RecordName, WriteError } from "./replica/event.js";
export { SavedError } from "./replica/saved.js";
export {
  type InputOf,
  type Issue,
  type OutputOf,
  SchemaError,
  type StandardSchema,
} from "./schema.js";
export { EphemeralError } from "./session/client/event.js";
export { AddressError } from "./socket.js";
export type { PresenceChange, Present, Space } from "./space.js";
export {
  type Ack,
  AckError,
  type Scope,
  SyncError,
  type Unsubscribe,
  type Verified,
} from "./topics.js";
export type { PlainFields, Transaction } from "./transaction.js";
export type { Value } from "./value.js";
export type { RecordView } from "./view.js";
export type { OpenWebSocket, WebSocketLike } from "./websocket.js";

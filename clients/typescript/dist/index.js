// A Syncline client: live when online, whole when offline. This is the tour; the README has
// examples.
//
// `connect` opens a hub; `client.space` keeps the copy of a space up; reads answer from the copy at
// once; writes are read back at once, kept on the device, and pushed when there is a connection.
export { ConnectError, connect, deleteLocalData, } from "./client.js";
export { HttpError } from "./conflicts.js";
export { ClosedError } from "./core.js";
export { FieldsError } from "./delta.js";
export { FilterError } from "./filter.js";
export { NameError, spaceNameOf, } from "./name.js";
export { StoreError } from "./persist.js";
export { Extension, PlainError } from "./plain.js";
export { CODES, isRetryable } from "./reject.js";
export { WriteError } from "./replica/event.js";
export { SavedError } from "./replica/saved.js";
export { SchemaError, } from "./schema.js";
export { EphemeralError } from "./session/client/event.js";
export { AddressError } from "./socket.js";
export { AckError, SyncError, } from "./topics.js";

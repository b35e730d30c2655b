// One record with all of its fields, each to be written.

import { useState } from "react";
import type { RecordView, Space } from "syncline";
import { jsonOf, moment, relative, stampMs } from "../hub/words";
import { CopyButton } from "../parts/copy";
import { Icon } from "../parts/icon";
import { Empty } from "../parts/states";
import { go, href } from "../route";
import { type Rights, SYSTEM, useRights } from "./rights";
import { useSampledRecord } from "./sample";
import { edit, remove } from "./undo";
import { FieldEditor } from "./value";

export function RecordPanel(props: {
  readonly space: Space;
  readonly collection: string;
  readonly record: string;
}) {
  const { space, collection, record: key } = props;
  const record = useSampledRecord(space, collection, key);
  const rights = useRights(space, collection, key);
  const close = (): void => go("spaces", space.name, "records", collection);
  return (
    <aside
      className="record"
      aria-label={`Record ${key}`}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) {
          close();
        }
      }}
    >
      <header>
        <h2>{key}</h2>
        <a
          className="icon-button"
          aria-label="Close the record"
          href={href("spaces", space.name, "records", collection)}
        >
          <Icon name="close" />
        </a>
      </header>
      {record === undefined ? (
        <Empty title="There is no such record">
          <p>
            It was deleted, has not come yet, or is not for you to read:{" "}
            <a href={whyOf(space, collection, key)}>ask why</a>.
          </p>
        </Empty>
      ) : (
        <Fields space={space} record={record} rights={rights} />
      )}
    </aside>
  );
}

/** Where one asks who may do what to a record. */
function whyOf(space: Space, collection: string, key: string): string {
  return href("spaces", space.name, "access", `${collection}/${key}`);
}

function Fields(props: {
  readonly space: Space;
  readonly record: RecordView;
  readonly rights: Rights;
}) {
  const { space, record, rights } = props;
  const { collection, key, fields } = record;
  return (
    <>
      <div className="fields">
        {Object.entries(fields)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, value]) => (
            <FieldEditor
              key={name}
              name={name}
              value={value}
              isReadOnly={!rights.canWrite}
              write={(next) => edit(space, collection, key, { [name]: next })}
            />
          ))}
      </div>
      {rights.canWrite && <AddField space={space} record={record} />}
      <Written record={record} />
      <footer>
        <CopyButton text={jsonOf(fields, 2)} label="Copy as JSON" />
        {space.name !== SYSTEM && (
          <a className="button small" href={whyOf(space, collection, key)}>
            Who may?
          </a>
        )}
        <button
          type="button"
          className="button small danger"
          disabled={!rights.canDelete}
          onClick={() => remove(space, record)}
        >
          <Icon name="trash" /> Delete
        </button>
      </footer>
    </>
  );
}

function Written({ record }: { readonly record: RecordView }) {
  const { stamp, sequence } = record;
  if (stamp === undefined) {
    return null;
  }
  const at_ms = stampMs(stamp);
  return (
    <p className="written">
      Written <time title={moment(at_ms)}>{relative(at_ms)}</time> by replica{" "}
      <code>{stamp.slice(16)}</code>,{" "}
      {sequence === 0 ? "not yet at the hub" : `sequence ${sequence}`}
    </p>
  );
}

function AddField({ space, record }: { readonly space: Space; readonly record: RecordView }) {
  const [name, setName] = useState("");
  const isTaken = Object.hasOwn(record.fields, name);
  return (
    <form
      className="add-field"
      onSubmit={(event) => {
        event.preventDefault();
        edit(space, record.collection, record.key, { [name]: "" });
        setName("");
      }}
    >
      <input
        aria-label="Name of a new field"
        placeholder="another field"
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
      <button type="submit" className="button small" disabled={name === "" || isTaken}>
        <Icon name="plus" /> Field
      </button>
    </form>
  );
}

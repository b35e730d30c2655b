// The records of a space as they change: collections above, records below, one record beside.

import { useDeferredValue, useMemo, useRef, useState } from "react";
import type { Plain, RecordView, Space } from "syncline";
import { useSpaceStatus } from "syncline/react";
import type { CollectionInfo } from "../hub/shapes";
import { count, counted, inline, jsonOf } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Empty, Loading } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { complain } from "../parts/toast";
import { go, href, useRoute } from "../route";
import { exportRecords } from "./export";
import { RecordPanel } from "./record";
import { useRecords } from "./sample";
import { edit } from "./undo";

/** Columns beside the key: more than a screen is wide helps nobody. */
const COLUMNS_MAX = 6;
/** Records that are looked at for their fields. */
const LOOKED_AT = 300;

export function Records(props: {
  readonly space: Space;
  readonly known: readonly CollectionInfo[] | undefined;
}) {
  const { space, known } = props;
  const [, , , asked, key] = useRoute();
  const names = namesOf(space, known);
  const collection = asked ?? names[0];
  const sampled = useRecords(space, collection);
  const [search, setSearch] = useState("");
  const [isMaking, setMaking] = useState(false);
  const found = useFound(sampled.records, useDeferredValue(search));
  const columns = useColumns(sampled.records);
  const status = useSpaceStatus(space);
  const open = (record: RecordView): void =>
    go("spaces", space.name, "records", record.collection, record.key);

  return (
    <div className="browser">
      <div className="tools">
        <Collections
          space={space}
          names={names}
          known={known}
          current={collection}
          held={status.isLive ? sampled.records.length : undefined}
        />
        <input
          type="search"
          className="search"
          placeholder="Find in keys and fields"
          aria-label="Find records"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
        <span className="tools-note">
          {search === "" ? "" : `${count(found.length)} of `}
          {counted(sampled.records.length, "record")}
        </span>
        {collection !== undefined && (
          <button
            type="button"
            className="icon-button"
            aria-label={`Export ${collection}`}
            title={`Export ${collection}`}
            onClick={() => exportRecords(space.name, collection).catch(complain)}
          >
            <Icon name="download" />
          </button>
        )}
        <button
          type="button"
          className="button"
          disabled={status.isWritable === false}
          onClick={() => setMaking(true)}
        >
          <Icon name="plus" /> Record
        </button>
      </div>
      <div className={key === undefined ? "split" : "split open"}>
        {found.length > 0 ? (
          <Table
            key={collection}
            label={`Records of ${collection}`}
            columns={columns}
            items={found}
            keyOf={(record) => record.key}
            open={open}
            selected={key}
            isFresh={(record) => sampled.fresh.has(record.key)}
          />
        ) : (
          <Nothing isLive={status.isLive} hasSearch={search !== ""} />
        )}
        {collection !== undefined && key !== undefined && (
          <RecordPanel key={key} space={space} collection={collection} record={key} />
        )}
      </div>
      {isMaking && (
        <NewRecord space={space} collection={collection} close={() => setMaking(false)} />
      )}
    </div>
  );
}

function Nothing(props: { readonly isLive: boolean; readonly hasSearch: boolean }) {
  if (props.hasSearch) {
    return <Empty title="Nothing found" />;
  }
  if (!props.isLive) {
    return <Loading lines={12} />;
  }
  return (
    <Empty title="Nothing here yet">
      <p>Records appear here the moment that an app writes them. See “Connect” for how.</p>
    </Empty>
  );
}

function Collections(props: {
  readonly space: Space;
  readonly names: readonly string[];
  readonly known: readonly CollectionInfo[] | undefined;
  readonly current: string | undefined;
  /** Records of the current one in a whole copy: the hub counts those too that are not for one. */
  readonly held: number | undefined;
}) {
  const { space, names, known, current, held } = props;
  return (
    <nav className="chips" aria-label="Collections">
      {names.map((name) => {
        const told = known?.find((collection) => collection.name === name)?.records;
        const records = name === current ? (held ?? told) : told;
        return (
          <a
            key={name}
            className="chip"
            href={href("spaces", space.name, "records", name)}
            aria-current={name === current ? "page" : undefined}
          >
            {name} {records !== undefined && <span>{count(records)}</span>}
          </a>
        );
      })}
    </nav>
  );
}

/** What the hub names and what this device knows, for it may have made one offline. */
function namesOf(space: Space, known: readonly CollectionInfo[] | undefined): readonly string[] {
  const all = new Set<string>([...(known ?? []).map(({ name }) => name), ...space.collections()]);
  return [...all].sort();
}

const TEXTS = new WeakMap<RecordView, string>();

/** What is looked through for a record, made once for each of its states. */
function textOf(record: RecordView): string {
  let text = TEXTS.get(record);
  if (text === undefined) {
    text = `${record.key} ${jsonOf(record.fields)}`.toLowerCase();
    TEXTS.set(record, text);
  }
  return text;
}

function useFound(records: readonly RecordView[], search: string): readonly RecordView[] {
  return useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return wanted === "" ? records : records.filter((record) => textOf(record).includes(wanted));
  }, [records, search]);
}

/** The key and the fields that most records have; they stay as they are until others come. */
function useColumns(records: readonly RecordView[]): readonly Column<RecordView>[] {
  const fields = fieldsOf(records).join("\n");
  return useMemo(() => {
    const key: Column<RecordView> = {
      title: "key",
      width: "minmax(8rem, 1.2fr)",
      draw: (record) => <span className="key-cell">{record.key}</span>,
    };
    const others = fields.split("\n").filter((field) => field !== "");
    return [
      key,
      ...others.map((field, at): Column<RecordView> => {
        return {
          title: field,
          width: "minmax(6rem, 1fr)",
          isWide: at > 0,
          draw: (record) => <Cell text={cellText(record.fields[field])} />,
        };
      }),
    ];
  }, [fields]);
}

function fieldsOf(records: readonly RecordView[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { fields } of records.slice(0, LOOKED_AT)) {
    for (const field of Object.keys(fields)) {
      counts.set(field, (counts.get(field) ?? 0) + 1);
    }
  }
  const names = [...counts.keys()].sort((a, b) => {
    return (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1);
  });
  return names.slice(0, COLUMNS_MAX).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** What a record is called stands first. */
const CALLED = ["title", "name", "text", "label"];

function rank(field: string): number {
  const at = CALLED.indexOf(field);
  return at === -1 ? CALLED.length : at;
}

/** A value in a cell; a list of texts reads as one. */
function cellText(value: Plain | undefined): string {
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === "string");
  return isTexts ? value.join(", ") : inline(value);
}

/** Only the beginning can be seen. */
const CELL_CHARS = 120;

/** A field; it flashes when it shows another value than before. */
export function Cell({ text }: { readonly text: string }) {
  const last = useRef({ text, changes: 0 });
  if (last.current.text !== text) {
    last.current = { text, changes: last.current.changes + 1 };
  }
  const { changes } = last.current;
  return (
    <span key={changes} className={changes > 0 ? "value flash" : "value"}>
      {text.slice(0, CELL_CHARS)}
    </span>
  );
}

function NewRecord(props: {
  readonly space: Space;
  readonly collection: string | undefined;
  readonly close: () => void;
}) {
  const { space, close } = props;
  const submit = async (form: FormData): Promise<void> => {
    const [collection, key] = [String(form.get("collection")), String(form.get("key"))];
    const fields = JSON.parse(String(form.get("fields"))) as Record<string, string>;
    if (space.get(collection, key) !== undefined) {
      throw new Error(`${collection} has a record ${key}.`);
    }
    edit(space, collection, key, fields);
    close();
    go("spaces", space.name, "records", collection, key);
  };
  return (
    <Dialog title="New record" action="Make it" submit={submit} close={close}>
      <Field label="Collection">
        <input name="collection" required defaultValue={props.collection} autoComplete="off" />
      </Field>
      <Field label="Key">
        <input name="key" required autoComplete="off" spellCheck={false} />
      </Field>
      <Field label="Fields" hint="A JSON object.">
        <textarea name="fields" rows={5} required defaultValue={'{\n  "title": ""\n}'} />
      </Field>
    </Dialog>
  );
}

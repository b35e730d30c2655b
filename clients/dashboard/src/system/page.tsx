// The hub itself: its version, backups, what it refused lately, and the settings in force.

import { useState } from "react";
import { useAnswer, useList } from "../hub/answer";
import type { Rejected, Setting, Stats } from "../hub/shapes";
import { bytes, counted, moment, relative } from "../hub/words";
import { Icon } from "../parts/icon";
import { Await, Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";

export function SystemPage() {
  return (
    <>
      <h1 className="unseen">System</h1>
      <div className="columns two">
        <Versions />
        <Backup />
      </div>
      <Rejects />
      <Settings />
    </>
  );
}

function Versions() {
  const stats = useAnswer<Stats>("/stats", 5_000);
  return (
    <section className="facts">
      <h2>Versions</h2>
      <Await answer={stats} lines={3}>
        {({ version, hub_ms, writable, draining }) => (
          <table>
            <tbody>
              <tr>
                <th scope="row">Hub</th>
                <td>{version}</td>
              </tr>
              <tr>
                <th scope="row">Protocol</th>
                <td>syncline.v1</td>
              </tr>
              <tr>
                <th scope="row">Its clock</th>
                <td>{moment(hub_ms)}</td>
              </tr>
              <tr>
                <th scope="row">Takes writes</th>
                <td className={writable && !draining ? "" : "bad"}>
                  {draining ? "shutting down" : writable ? "yes" : "no: see its log"}
                </td>
              </tr>
            </tbody>
          </table>
        )}
      </Await>
    </section>
  );
}

function Backup() {
  const stats = useAnswer<Stats>("/stats", 5_000);
  return (
    <section className="facts">
      <h2>Backup</h2>
      <p>
        Everything that the hub knows, of one moment, compressed: spaces, accounts, and all
        credentials as digests. Keep it where nobody else reads. The hub goes on working meanwhile.
      </p>
      <p className="backup">
        <a className="button primary" href="/hub/v1/backup" download="syncline.backup">
          <Icon name="download" /> Make and download
        </a>
        {stats.data && (
          <span className="muted">
            {counted(stats.data.records, "record")}, {bytes(stats.data.record_bytes)} before it is
            compressed
          </span>
        )}
      </p>
      <p className="muted">
        Restoring it is how it is proved: <code>syncline restore syncline.backup --data DIR</code>
      </p>
    </section>
  );
}

const REJECTS: readonly Column<Rejected>[] = [
  {
    title: "When",
    width: "minmax(6rem, 9rem)",
    draw: ({ at_ms }) => <time title={moment(at_ms)}>{relative(at_ms)}</time>,
  },
  { title: "Who", width: "minmax(5rem, 9rem)", isWide: true, draw: ({ principal }) => principal },
  { title: "Code", width: "minmax(7rem, 10rem)", draw: ({ code }) => <code>{code}</code> },
  {
    title: "What was said",
    width: "minmax(10rem, 3fr)",
    draw: ({ text }) => <span title={text}>{text}</span>,
  },
];

function Rejects() {
  const rejects = useList<Rejected>("/rejects", 2_000);
  return (
    <section>
      <header className="title">
        <h2>Refused lately</h2>
        <span className="tools-note">the last 256, newest first</span>
      </header>
      <Await answer={rejects} lines={4}>
        {(items) =>
          items.length === 0 ? (
            <Empty title="Nothing was refused" />
          ) : (
            <Table
              label="Refused lately"
              columns={REJECTS}
              items={items.map((item, index) => ({ ...item, age: items.length - index }))}
              keyOf={({ at_ms, age }) => `${at_ms} ${age}`}
              isGrown
            />
          )
        }
      </Await>
    </section>
  );
}

function Settings() {
  const settings = useAnswer<readonly Setting[]>("/config", 60_000);
  const [search, setSearch] = useState("");
  const [isChanged, setChanged] = useState(false);
  const wanted = search.trim().toLowerCase();
  return (
    <section>
      <header className="title">
        <h2>Configuration in force</h2>
        <label className="check inline">
          <input
            type="checkbox"
            checked={isChanged}
            onChange={({ target }) => setChanged(target.checked)}
          />
          <span>set by you</span>
        </label>
        <input
          type="search"
          className="search"
          aria-label="Find settings"
          placeholder="Find a setting"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      </header>
      <Await answer={settings}>
        {(all) => (
          <dl className="settings">
            {all
              .filter(({ name, about }) => `${name} ${about}`.toLowerCase().includes(wanted))
              .filter((setting) => !isChanged || setting.value !== setting.default)
              .map((setting) => (
                <SettingRow key={setting.name} setting={setting} />
              ))}
          </dl>
        )}
      </Await>
    </section>
  );
}

function SettingRow({ setting }: { readonly setting: Setting }) {
  const { name, variable, value, about } = setting;
  const isSet = value !== setting.default;
  return (
    <div className={isSet ? "setting set" : "setting"}>
      <dt>
        <code title={variable}>{name}</code>
      </dt>
      <dd>
        <code className="setting-value">{value ?? "nothing"}</code>
        {isSet && <span className="muted"> instead of {setting.default ?? "nothing"}</span>}
        <p>{about}</p>
      </dd>
    </div>
  );
}

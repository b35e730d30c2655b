// Every device with how far it has read, whoever lags first; and the way to sign one out.

import { useMemo, useState } from "react";
import { useList } from "../hub/answer";
import type { Device, SessionInfo } from "../hub/shapes";
import { count, counted, moment, offset, relative } from "../hub/words";
import { Await, Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { furthest, isClockOff, isLagging, verdictOf } from "./lag";
import { SignOut } from "./sign-out";

/** A device with its open sessions. */
export interface Present extends Device {
  readonly sessions: readonly SessionInfo[];
}

/** The device id of whatever only listens: it has no replica of its own. */
const NO_DEVICE = "0000000000000000";

export function DevicesPage() {
  const devices = useList<Device>("/devices", 2_000);
  const sessions = useList<SessionInfo>("/sessions", 2_000);
  const [search, setSearch] = useState("");
  const [leaving, setLeaving] = useState<Present>();
  const all = usePresent(devices.data, sessions.data);
  const wanted = search.trim().toLowerCase();
  const found = all.filter(({ name, account, device }) =>
    `${name} ${account} ${device}`.toLowerCase().includes(wanted),
  );
  const columns = useMemo(() => columnsOf(setLeaving), []);
  const streams = (sessions.data ?? []).filter(({ device }) => device === NO_DEVICE);
  return (
    <>
      <header className="title">
        <h1>Devices</h1>
        <input
          type="search"
          className="search"
          placeholder="Find by name or account"
          aria-label="Find devices"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      </header>
      <Await answer={devices}>
        {() => (
          <>
            <Summary all={all} streams={streams.length} />
            {found.length === 0 ? (
              <Empty title={all.length === 0 ? "No device yet" : "Nothing found"}>
                {all.length === 0 && <p>Each app that connects is listed here from then on.</p>}
              </Empty>
            ) : (
              <Table
                label="Devices"
                columns={columns}
                items={found}
                keyOf={({ account, device }) => `${account} ${device}`}
              />
            )}
          </>
        )}
      </Await>
      {leaving && (
        <SignOut device={leaving} close={() => setLeaving(undefined)} done={sessions.reload} />
      )}
    </>
  );
}

function Summary({ all, streams }: { readonly all: readonly Present[]; readonly streams: number }) {
  const online = all.filter((device) => device.online);
  const off = online.filter(isClockOff);
  return (
    <p className="summary">
      {counted(all.length, "device")}, {count(online.length)} here now
      {streams > 0 && `, and ${counted(streams, "event stream")}`}. <Lagging here={online} />{" "}
      {off.length > 0 && (
        <strong className="warn">
          The clock of {off.map(({ name, device }) => name || device).join(", ")} is off; stamps run
          on the hub’s time all the same.
        </strong>
      )}
    </p>
  );
}

function Lagging({ here }: { readonly here: readonly Device[] }) {
  const verdict = verdictOf(here);
  if (verdict.type === "lag") {
    const names = verdict.devices.map(({ name, device }) => name || device);
    return (
      <strong className="bad">
        {names.join(", ")} {names.length === 1 ? "lags" : "lag"}.
      </strong>
    );
  }
  if (verdict.type === "untold") {
    return "Nobody has told yet how far they have read.";
  }
  return verdict.untold === 0
    ? "Nobody who is here lags."
    : `Nobody lags, but for ${count(verdict.untold)} who have not told yet.`;
}

function usePresent(
  devices: readonly Device[] | undefined,
  sessions: readonly SessionInfo[] | undefined,
): readonly Present[] {
  return useMemo(() => {
    const byDevice = Map.groupBy(sessions ?? [], ({ account, device }) => `${account} ${device}`);
    const all = (devices ?? []).map((device) => {
      return { ...device, sessions: byDevice.get(`${device.account} ${device.device}`) ?? [] };
    });
    return all.sort(byConcern);
  }, [devices, sessions]);
}

/** Whoever is here and lags, whoever is here, and then by when they were. */
function byConcern(a: Present, b: Present): number {
  const rank = (device: Present): number => (device.online ? (isLagging(device) ? 0 : 1) : 2);
  return rank(a) - rank(b) || (rank(a) === 2 ? b.last_ms - a.last_ms : byName(a, b));
}

function byName(a: Present, b: Present): number {
  return a.name.localeCompare(b.name) || (a.device < b.device ? -1 : 1);
}

function columnsOf(leave: (device: Present) => void): readonly Column<Present>[] {
  return [
    {
      title: "Device",
      width: "minmax(5rem, 2fr)",
      draw: ({ name, device, online }) => (
        <span className={online ? "who here" : "who"} title={`device ${device}`}>
          <i className="dot" /> <span>{name || device}</span>
        </span>
      ),
    },
    { title: "Account", width: "minmax(5rem, 1fr)", isWide: true, draw: ({ account }) => account },
    {
      title: "Last seen",
      width: "minmax(3rem, 6.5rem)",
      draw: ({ online, last_ms }) => (
        <span title={moment(last_ms)}>{online ? "here" : relative(last_ms)}</span>
      ),
    },
    {
      title: "Behind",
      width: "minmax(4rem, 1.2fr)",
      isNumber: true,
      draw: (device) => <Behind device={device} />,
    },
    {
      title: "Clock",
      width: "7rem",
      isNumber: true,
      isWide: true,
      draw: (device) => (
        <span className={isClockOff(device) ? "warn" : ""}>{offset(device.clock_offset_ms)}</span>
      ),
    },
    {
      title: "From",
      width: "minmax(6rem, 9rem)",
      isWide: true,
      draw: ({ sessions }) => sessions.map(({ address }) => address).join(", "),
    },
    {
      title: "Replica",
      width: "10rem",
      isWide: true,
      draw: ({ replica }) => <code>{replica}</code>,
    },
    {
      title: "",
      width: "4.8rem",
      isNumber: true,
      draw: (device) =>
        device.sessions.length > 0 && (
          <button
            type="button"
            className="button small"
            aria-label={`Sign out ${device.name || device.device}`}
            onClick={() => leave(device)}
          >
            Sign out
          </button>
        ),
    },
  ];
}

function Behind({ device }: { readonly device: Device }) {
  const most = furthest(device);
  if (most === undefined) {
    return <span className="muted">not told</span>;
  }
  if (most.behind === 0) {
    return <span className="muted">up to date</span>;
  }
  return (
    <span className={isLagging(device) && device.online ? "bad" : ""} title={`of ${most.space}`}>
      {count(most.behind)} <span className="muted only-wide">of {most.space}</span>
    </span>
  );
}

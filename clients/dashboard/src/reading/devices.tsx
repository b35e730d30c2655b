// The devices that were seen, and the passwords that are for one of them each.

import { useMemo, useState } from "react";
import type { Space } from "syncline";
import { useSession } from "../hub/session";
import { moment, relative } from "../hub/words";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Empty } from "../parts/states";
import { type Column, Table } from "../parts/table";
import { complain, say } from "../parts/toast";
import { useRecords } from "../spaces/sample";
import { useMinutes } from "./list";
import { type Standing, useBooks } from "./live";
import { Passwords } from "./passwords";
import { placeHref } from "./place";
import { type Device, devicesOf } from "./seen";

export function Devices(props: { readonly account: string; readonly standing: Standing }) {
  const { account, standing } = props;
  const { who } = useSession();
  return (
    <>
      <section aria-label="Devices">
        {standing.type === "open" ? <Seen space={standing.space} account={account} /> : <Nobody />}
      </section>
      {(who.admin || who.account === account) && <Passwords account={account} />}
    </>
  );
}

function Nobody() {
  return (
    <Empty title="No device yet">
      <p>Each device that sends a position is listed here from then on.</p>
    </Empty>
  );
}

function Seen({ space, account }: { readonly space: Space; readonly account: string }) {
  const { records } = useRecords(space, "devices");
  const books = useBooks(space);
  const devices = useMemo(() => devicesOf(records, books), [records, books]);
  const [leaving, setLeaving] = useState<Device>();
  const now = useMinutes();
  const columns = useMemo(() => columnsOf(account, now, setLeaving), [account, now]);
  return (
    <>
      {devices.length === 0 ? (
        <Nobody />
      ) : (
        <Table label="Devices" columns={columns} items={devices} keyOf={({ key }) => key} isGrown />
      )}
      {leaving && <Forget space={space} device={leaving} close={() => setLeaving(undefined)} />}
    </>
  );
}

function columnsOf(
  account: string,
  now: number,
  forget: (device: Device) => void,
): readonly Column<Device>[] {
  return [
    {
      title: "Device",
      width: "minmax(5rem, 1.2fr)",
      draw: ({ name, id }) => (
        <span className="strong" title={id}>
          {name}
        </span>
      ),
    },
    {
      title: "Reads",
      width: "minmax(6rem, 2fr)",
      draw: ({ book }) => book && <a href={placeHref(account, "books", book.id)}>{book.title}</a>,
    },
    {
      title: "Seen",
      width: "minmax(6.3rem, 7.5rem)",
      draw: ({ seen_ms }) =>
        seen_ms !== undefined && (
          <time title={moment(seen_ms)}>{relative(seen_ms, Math.max(now, Date.now()))}</time>
        ),
    },
    {
      title: "Id",
      width: "minmax(8rem, 1.6fr)",
      isWide: true,
      draw: ({ id }) => (id === undefined ? <em>none</em> : <code>{id}</code>),
    },
    {
      title: "",
      width: "2rem",
      isNumber: true,
      draw: (device) => (
        <button
          type="button"
          className="icon-button"
          aria-label={`Forget ${device.name}`}
          onClick={() => forget(device)}
        >
          <Icon name="trash" />
        </button>
      ),
    },
  ];
}

function Forget(props: {
  readonly space: Space;
  readonly device: Device;
  readonly close: () => void;
}) {
  const { space, device, close } = props;
  const submit = async (): Promise<void> => {
    const places = space.list("positions").filter(({ key }) => key.endsWith(`:${device.key}`));
    const write = space.transaction((changes) => {
      changes.delete("devices", device.key);
      for (const { key } of places) {
        changes.delete("positions", key);
      }
    });
    write.whenAcked.catch(complain);
    say(`${device.name} is forgotten.`);
    close();
  };
  return (
    <Dialog title="Forget the device" action="Forget it" isDangerous submit={submit} close={close}>
      <p>
        <strong>{device.name}</strong> leaves this list, and the lists of devices of each book. What
        was read on it stays in the history. It comes back when it sends a position.
      </p>
      <p className="muted">
        A device that is lost keeps the password that it has: revoke that, too, or change it.
      </p>
    </Dialog>
  );
}

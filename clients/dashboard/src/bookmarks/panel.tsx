// A panel of an app's home screen: its folders, in the order in which they stand there.

import { useState } from "react";
import type { Space } from "syncline";
import { Icon } from "../parts/icon";
import { Empty } from "../parts/states";
import { type Entry, type Library, type Panel, pathOf } from "./model";
import { hrefOf, type Place } from "./place";
import { remove } from "./removal";
import { FolderOptions } from "./spot";
import { addEntry, moveEntry } from "./write";

interface Props {
  readonly space: Space;
  readonly library: Library;
  readonly place: Place;
  readonly panel: Panel;
  readonly isReadOnly: boolean;
}

export function PanelView(props: Props) {
  const { panel, isReadOnly } = props;
  return (
    <section className="narrow panel-view">
      {panel.entries.length === 0 && (
        <Empty title="No folder on this panel yet">
          <p>Apps show the folders of a panel side by side on their home screen.</p>
        </Empty>
      )}
      <ol className="members">
        {panel.entries.map((entry, at) => (
          <Row key={entry.key} {...props} entry={entry} at={at} />
        ))}
      </ol>
      {!isReadOnly && <AddFolder {...props} />}
    </section>
  );
}

function Row(props: Props & { readonly entry: Entry; readonly at: number }) {
  const { space, library, place, panel, entry, at, isReadOnly } = props;
  const { folder, name } = entry;
  const isLast = at === panel.entries.length - 1;
  return (
    <li>
      <Icon name="folder" />
      {folder === undefined ? (
        <span className="muted">{name}, which is no more</span>
      ) : (
        <a href={hrefOf(place.user, "folder", folder)}>{pathOf(library, folder)}</a>
      )}
      {!isReadOnly && (
        <span className="row-buttons">
          <Button
            icon="up"
            label={`Move ${name} up`}
            isDisabled={at === 0}
            press={() => moveEntry(space, panel, entry, -1)}
          />
          <Button
            icon="down"
            label={`Move ${name} down`}
            isDisabled={isLast}
            press={() => moveEntry(space, panel, entry, 1)}
          />
          <Button
            icon="close"
            label={`Take ${name} off the panel`}
            press={() => remove(space, library, "panel_folders", [entry.key])}
          />
        </span>
      )}
    </li>
  );
}

function Button(props: {
  readonly icon: "up" | "down" | "close";
  readonly label: string;
  readonly isDisabled?: boolean;
  readonly press: () => void;
}) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={props.label}
      title={props.label}
      disabled={props.isDisabled}
      onClick={props.press}
    >
      <Icon name={props.icon} />
    </button>
  );
}

function AddFolder({ space, library, panel }: Props) {
  const [key, setKey] = useState("");
  return (
    <form
      className="add"
      onSubmit={(event) => {
        event.preventDefault();
        const folder = library.folders.get(key);
        if (folder !== undefined) {
          addEntry(space, panel, folder);
          setKey("");
        }
      }}
    >
      <select
        aria-label="Folder for the panel"
        value={key}
        onChange={({ target }) => setKey(target.value)}
      >
        <option value="">a folder …</option>
        <FolderOptions library={library} />
      </select>
      <button type="submit" className="button" disabled={key === ""}>
        <Icon name="plus" /> Add
      </button>
    </form>
  );
}

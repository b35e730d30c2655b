// Dialogs: a new link, a folder new or old, a name for a tag or a panel.

import { useState } from "react";
import type { Space } from "syncline";
import { Dialog, Field } from "../parts/dialog";
import { openable, tidied } from "./address";
import { called } from "./find";
import { checked, LinkFields } from "./link";
import { type Folder, type Library, type Link, pathOf } from "./model";
import { goTo, type Place } from "./place";
import { FolderOptions } from "./spot";
import {
  addFolder,
  addLink,
  addPanel,
  addTag,
  editFolder,
  type LinkDraft,
  rename,
  type Spot,
  type TagChoice,
} from "./write";

interface MakeProps {
  readonly space: Space;
  readonly library: Library;
  readonly place: Place;
  readonly close: () => void;
}

const BLANK: Link = {
  key: "",
  id: undefined,
  title: "",
  url: "",
  site: "",
  note: "",
  type: "SAVED_LINK",
  isImportant: false,
  folder: undefined,
  tags: [],
  modified_s: undefined,
};

export function NewLink({ space, library, place, close }: MakeProps) {
  const [draft, setDraft] = useState<LinkDraft>(() => begun(library, place));
  const twin = twinOf(library, draft.url ?? "");
  const submit = async (): Promise<void> => {
    addLink(space, library, checked(draft, BLANK));
    close();
  };
  return (
    <Dialog title="New link" action="Add it" submit={submit} close={close}>
      <LinkFields
        library={library}
        link={BLANK}
        draft={draft}
        isReadOnly={false}
        write={(more) => setDraft({ ...draft, ...more })}
      />
      {twin && (
        <p className="field-hint warn" role="status">
          It is there already: {called(twin)}
          {twin.folder !== undefined && `, in ${pathOf(library, twin.folder)}`}.
        </p>
      )}
    </Dialog>
  );
}

/** A new link lies where one is looking. */
function begun(library: Library, { kind, key }: Place): LinkDraft {
  const tag = kind === "tag" && key !== undefined ? library.tags.get(key) : undefined;
  const tags: readonly TagChoice[] = tag === undefined ? [] : [tag];
  const spot: Spot =
    kind === "folder" && key !== undefined && library.folders.has(key)
      ? { type: "FOLDER_LINK", folder: key }
      : { type: "SAVED_LINK" };
  return { spot, tags, title: "", note: "", isImportant: kind === "important" };
}

function twinOf(library: Library, text: string): Link | undefined {
  const address = openable(tidied(text));
  const isTwin = ({ url, type }: Link): boolean =>
    type !== "HISTORY_LINK" && openable(url) === address;
  return address === undefined ? undefined : library.links.find(isTwin);
}

/** A folder to make, or one to change. */
export function FolderDialog(props: MakeProps & { readonly folder?: Folder }) {
  const { space, library, place, close, folder } = props;
  const above = folder === undefined && place.kind === "folder" ? place.key : folder?.parent;
  const submit = async (form: FormData): Promise<void> => {
    const text = (name: string): string => String(form.get(name) ?? "").trim();
    const draft = {
      name: text("name"),
      note: text("note"),
      parent: text("parent") === "" ? undefined : text("parent"),
      isArchived: form.get("archived") !== null,
    };
    if (folder === undefined) {
      goTo({ ...place, kind: "folder", key: addFolder(space, library, draft) });
    } else {
      editFolder(space, library, folder, draft);
    }
    close();
  };
  const [title, action] = folder ? ["Folder", "Save"] : ["New folder", "Make it"];
  return (
    <Dialog title={title} action={action} submit={submit} close={close}>
      <Field label="Name">
        <input name="name" required defaultValue={folder?.name} autoComplete="off" />
      </Field>
      <Field label="In">
        <select name="parent" defaultValue={above}>
          <option value="">no other folder</option>
          <FolderOptions library={library} but={folder?.key} />
        </select>
      </Field>
      <Field label="Note">
        <textarea name="note" rows={2} defaultValue={folder?.note} />
      </Field>
      <label className="check">
        <input type="checkbox" name="archived" defaultChecked={folder?.isArchived} />
        Archived
      </label>
    </Dialog>
  );
}

/** A name for a tag or a panel, new or old. */
export function NameDialog(
  props: MakeProps & {
    readonly what: "tag" | "panel";
    readonly row?: { readonly key: string; readonly name: string };
  },
) {
  const { space, place, close, what, row } = props;
  const submit = async (form: FormData): Promise<void> => {
    const name = String(form.get("name")).trim();
    if (row === undefined) {
      const key = what === "tag" ? addTag(space, name) : addPanel(space, name);
      goTo({ ...place, kind: what, key });
    } else {
      rename(space, what === "tag" ? "tags" : "panels", row.key, name);
    }
    close();
  };
  return (
    <Dialog
      title={row ? `Rename the ${what}` : `New ${what}`}
      action={row ? "Rename it" : "Make it"}
      submit={submit}
      close={close}
    >
      <Field label="Name">
        <input name="name" required defaultValue={row?.name} autoComplete="off" />
      </Field>
    </Dialog>
  );
}

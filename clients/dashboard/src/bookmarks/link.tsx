// One link beside the list: everything that it holds, to be changed, moved and deleted.
//
// What a person has begun to write stays when the link changes elsewhere; the rest follows at once.

import { type FormEvent, useEffect, useState } from "react";
import type { Space } from "syncline";
import { moment, relative } from "../hub/words";
import { CopyButton } from "../parts/copy";
import { Field } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { Empty } from "../parts/states";
import { complain } from "../parts/toast";
import { openable, tidied } from "./address";
import { called } from "./find";
import type { Library, Link } from "./model";
import { goTo, type Place } from "./place";
import { remove } from "./removal";
import { SpotChoice, spotOf } from "./spot";
import { TagPicker } from "./tags";
import { editLink, type LinkDraft, type TagChoice } from "./write";

interface PanelProps {
  readonly space: Space;
  readonly library: Library;
  readonly place: Place;
  readonly link: Link | undefined;
  readonly isReadOnly: boolean;
  readonly close: () => void;
  /** Hears whether something is written that is not saved. */
  readonly setDirty: (isDirty: boolean) => void;
}

export function LinkPanel(props: PanelProps) {
  const { link, close } = props;
  const title = link === undefined ? "No such link" : called(link);
  return (
    <aside className="record link-panel" aria-label={`Link ${title}`}>
      <header>
        <h2>{title}</h2>
        <button type="button" className="icon-button" aria-label="Close the link" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      {link === undefined ? (
        <Empty title="There is no such link">
          <p>It was deleted, or has not come yet.</p>
        </Empty>
      ) : (
        <Editor {...props} link={link} />
      )}
    </aside>
  );
}

function Editor(props: PanelProps & { readonly link: Link }) {
  const { space, library, place, link, isReadOnly, setDirty } = props;
  const [draft, setDraft] = useState<LinkDraft>({});
  const write = (more: LinkDraft): void => setDraft({ ...draft, ...more });
  const isDirty = Object.keys(draft).length > 0;
  useEffect(() => {
    setDirty(isDirty);
    return () => setDirty(false);
  }, [isDirty, setDirty]);
  const save = (event: FormEvent): void => {
    event.preventDefault();
    try {
      editLink(space, library, link, checked(draft, link));
      setDraft({});
    } catch (error) {
      complain(error);
    }
  };
  const drop = (): void => {
    goTo(place);
    remove(space, library, "links", [link.key]);
  };
  return (
    <form className="link-form" onSubmit={save}>
      <Visit url={link.url} />
      <LinkFields
        library={library}
        link={link}
        draft={draft}
        isReadOnly={isReadOnly}
        write={write}
      />
      {link.modified_s !== undefined && (
        <p className="written">
          Changed{" "}
          <time title={moment(link.modified_s * 1000)}>{relative(link.modified_s * 1000)}</time>
        </p>
      )}
      {!isReadOnly && (
        <footer>
          <button type="button" className="button small danger" onClick={drop}>
            <Icon name="trash" /> Delete
          </button>
          {isDirty && (
            <button type="button" className="button small" onClick={() => setDraft({})}>
              Discard
            </button>
          )}
          <button type="submit" className="button small primary" disabled={!isDirty}>
            Save
          </button>
        </footer>
      )}
    </form>
  );
}

function Visit({ url }: { readonly url: string }) {
  const address = openable(url);
  return (
    <p className="visit">
      {address === undefined ? (
        <span className="muted">This address is not one that a browser should open.</span>
      ) : (
        <a className="button small" href={address} target="_blank" rel="noopener noreferrer">
          Open
        </a>
      )}
      <CopyButton text={url} label="Copy the address" />
    </p>
  );
}

/** What a person may say of a link; each part shows the draft, or what the link has. */
export function LinkFields(props: {
  readonly library: Library;
  readonly link: Link;
  readonly draft: LinkDraft;
  readonly isReadOnly: boolean;
  readonly write: (more: LinkDraft) => void;
}) {
  const { library, link, draft, isReadOnly, write } = props;
  return (
    <>
      <Field label="Address">
        <input
          name="url"
          inputMode="url"
          required
          value={draft.url ?? link.url}
          readOnly={isReadOnly}
          autoComplete="off"
          spellCheck={false}
          onChange={({ target }) => write({ url: target.value })}
        />
      </Field>
      <Field label="Title">
        <input
          name="title"
          value={draft.title ?? link.title}
          readOnly={isReadOnly}
          autoComplete="off"
          onChange={({ target }) => write({ title: target.value })}
        />
      </Field>
      <Field label="Where">
        <SpotChoice
          library={library}
          value={draft.spot ?? spotOf(link)}
          isDisabled={isReadOnly}
          choose={(spot) => write({ spot })}
        />
      </Field>
      <fieldset className="field">
        <legend className="field-label">Tags</legend>
        <TagPicker
          library={library}
          value={draft.tags ?? tagsOf(link, library)}
          isDisabled={isReadOnly}
          choose={(tags) => write({ tags })}
        />
      </fieldset>
      <Field label="Note">
        <textarea
          name="note"
          rows={3}
          value={draft.note ?? link.note}
          readOnly={isReadOnly}
          onChange={({ target }) => write({ note: target.value })}
        />
      </Field>
      {link.type !== "IMPORTANT_LINK" && (
        <label className="check">
          <input
            type="checkbox"
            checked={draft.isImportant ?? link.isImportant}
            disabled={isReadOnly}
            onChange={({ target }) => write({ isImportant: target.checked })}
          />
          Important
        </label>
      )}
    </>
  );
}

function tagsOf(link: Link, library: Library): readonly TagChoice[] {
  return link.tags.map((key) => ({ key, name: library.tags.get(key)?.name ?? "" }));
}

/** A draft as it may be written. An address that was odd before may stay so. */
export function checked(draft: LinkDraft, link: Pick<Link, "url">): LinkDraft {
  const { url } = draft;
  if (url === undefined || url === link.url) {
    return draft;
  }
  const address = tidied(url);
  if (openable(address) === undefined) {
    throw new Error("An address begins with http:// or https://, and has a host.");
  }
  return { ...draft, url: address };
}

// What a person does to a book: names it, begins it anew, deletes it.
//
// Documents that are one book are named and deleted together: they are split before, if need be.

import { ask } from "../hub/request";
import { counted } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { complain, say } from "../parts/toast";
import { goTo } from "./place";
import { path } from "./shapes";
import type { Book } from "./shelf";

export interface ChangeProps {
  readonly account: string;
  readonly book: Book;
  readonly close: () => void;
}

/** Letters of a title at most, as the hub has it. */
const TITLE_MAX = 512;

export function TitleDialog({ account, book, close }: ChangeProps) {
  const own = book.documents.find(({ ownTitle }) => ownTitle !== undefined)?.ownTitle;
  const submit = async (form: FormData): Promise<void> => {
    const title = String(form.get("title")).trim();
    await name(account, book, title === "" ? undefined : title);
    say(title === "" ? "It is called what devices call it." : `It is called ${title} now.`, () => {
      name(account, book, own).catch(complain);
    });
    close();
  };
  return (
    <Dialog title="Set the title" action="Set it" submit={submit} close={close}>
      <Field
        label="Title"
        hint="It stays when pages are turned, and is not sent to devices. Empty: what devices call it."
      >
        <input
          name="title"
          defaultValue={book.isNamed ? book.title : ""}
          maxLength={TITLE_MAX}
          autoComplete="off"
        />
      </Field>
    </Dialog>
  );
}

async function name(account: string, book: Book, title: string | undefined): Promise<void> {
  await forEach(book, async (document) => {
    await ask(`PUT ${path(account, "books", document, "title")}`, { title: title ?? null });
  });
}

export function RestartDialog({ account, book, close }: ChangeProps) {
  const submit = async (): Promise<void> => {
    await forEach(book, (document) => ask(`POST ${path(account, "books", document, "restart")}`));
    say(`${book.title} begins anew with the next page that is turned.`);
    close();
  };
  return (
    <Dialog title="Start again" action="Start again" submit={submit} close={close}>
      <p>
        The next page that is turned in <strong>{book.title}</strong> counts, however early it is.
        What was read before stays in the history.
      </p>
      <p className="muted">
        It makes a difference where the furthest position stays the current one: see Settings.
      </p>
    </Dialog>
  );
}

export function DeleteDialog({ account, book, close }: ChangeProps) {
  const { documents, title } = book;
  const submit = async (): Promise<void> => {
    await forEach(book, (document) => ask(`DELETE ${path(account, "books", document)}`));
    say(`${title} is deleted.`);
    close();
    goTo(account, "books");
  };
  return (
    <Dialog title="Delete the book" action="Delete it" isDangerous submit={submit} close={close}>
      <p>
        <strong>{title}</strong> goes with its position, its history and its title. There is no way
        back but a backup. Files on devices stay, and the next page that is turned in one begins the
        book here anew.
      </p>
      {documents.length > 1 && (
        <p className="warn">
          {counted(documents.length, "document")} are joined as this book, and all of them go. Split
          off what is to stay.
        </p>
      )}
    </Dialog>
  );
}

/** One after the other: they write to the same records. */
async function forEach(book: Book, work: (document: string) => Promise<unknown>): Promise<void> {
  for (const { id } of book.documents) {
    await work(id);
  }
}

// Says of another document that it is the same book.

import { useState } from "react";
import { ask } from "../hub/request";
import { Dialog, Field } from "../parts/dialog";
import { say } from "../parts/toast";
import { percent } from "./bar";
import type { ChangeProps } from "./change";
import { path } from "./shapes";
import { arranged, type Book, namesakes, shortId } from "./shelf";

/** More than a person chooses from: the search finds the others. */
const SHOWN_MAX = 6;

export function JoinDialog(props: ChangeProps & { readonly books: readonly Book[] }) {
  const { account, book, books, close } = props;
  const [search, setSearch] = useState("");
  const found = candidates(book, books, search);
  const submit = async (form: FormData): Promise<void> => {
    const other = form.get("document");
    if (other === null) {
      throw new Error("Choose the other document first.");
    }
    await ask(`POST ${path(account, "joins")}`, { documents: [book.id, String(other)] });
    say("They are one book now.");
    close();
  };
  return (
    <Dialog title="Join with another document" action="Join them" submit={submit} close={close}>
      <p>
        Other files of <strong>{book.title}</strong> are other documents to devices. Joined, they
        are one book: whoever opens any of them is told the newest position of all. They can be
        split again.
      </p>
      <p className="muted">
        In another edition the same place may be somewhere else: devices go where they are told.
      </p>
      <Field label="The other document">
        <input
          type="search"
          placeholder="Find by title, author or id"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      </Field>
      <div className="choices">
        {found.map(({ id, title, isNamed, position }) => (
          <label key={id} className="check">
            <input type="radio" name="document" value={id} required />
            <span>
              {title}{" "}
              <span className="field-hint">
                {isNamed && <code>{shortId(id)}</code>} {position && percent(position.share)}
              </span>
            </span>
          </label>
        ))}
        {found.length === 0 && <p className="muted">There is no other document like this.</p>}
      </div>
    </Dialog>
  );
}

/** What has the same name first, then what was read last. */
function candidates(book: Book, books: readonly Book[], search: string): readonly Book[] {
  const same = new Set(namesakes(book, books));
  const all = arranged(books, search, "read").filter(({ id }) => id !== book.id);
  const rank = (other: Book): number => (same.has(other) ? 0 : 1);
  return all.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN_MAX);
}

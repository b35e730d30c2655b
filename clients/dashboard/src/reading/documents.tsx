// The documents that are one book: other files of it, which devices take for other books.

import { ask } from "../hub/request";
import { CopyButton } from "../parts/copy";
import { complain, say } from "../parts/toast";
import { percent } from "./bar";
import { path } from "./shapes";
import { type Book, type Document, shortId } from "./shelf";

export function Documents({ account, book }: { readonly account: string; readonly book: Book }) {
  const { documents } = book;
  return (
    <section className="facts">
      <h2>{documents.length === 1 ? "Document" : "Documents that are this book"}</h2>
      <ul className="documents">
        {documents.map((document) => (
          <li key={document.id}>
            <Named document={document} />
            <CopyButton text={document.id} label="Copy id" />
            {documents.length > 1 && (
              <button
                type="button"
                className="button small"
                aria-label={`Split off ${document.id}`}
                onClick={() => split(account, document.id).catch(complain)}
              >
                Split off
              </button>
            )}
          </li>
        ))}
      </ul>
      {documents.length > 1 && (
        <p className="muted">
          A device that asks for any of them is told the newest position of all.
        </p>
      )}
    </section>
  );
}

function Named({ document }: { readonly document: Document }) {
  const { id, metadata, position } = document;
  return (
    <span className="document">
      <code title={id}>{shortId(id)}</code> {metadata["filename"]}{" "}
      {position && <span className="muted">{percent(position.share)}</span>}
    </span>
  );
}

async function split(account: string, document: string): Promise<void> {
  await ask(`DELETE ${path(account, "joins", document)}`);
  say(`${shortId(document)} is a book of its own again.`);
}

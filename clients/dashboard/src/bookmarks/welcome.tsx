// What one sees before there is any bookmark: the three ways to the first.

import { Icon } from "../parts/icon";
import { ImportSnippet } from "./connect";
import { hrefOf } from "./place";

export function Welcome(props: {
  readonly user: string;
  readonly isReadOnly: boolean;
  /** Adds a first link; begins the data set where there is none yet. */
  readonly add: () => void;
}) {
  const { user, isReadOnly, add } = props;
  return (
    <section className="empty no-bookmarks">
      <p className="empty-title">No bookmarks yet</p>
      <p>
        Bookmarks of the app Linkora live here, on all of its devices and in this page at once.
        There are three ways to begin:
      </p>
      <div className="ways">
        <div>
          <h2>Connect the app</h2>
          <p>Address, token and certificate for a phone or a desktop, as QR codes too.</p>
          <a className="button primary" href={hrefOf(user, "connect")}>
            <Icon name="devices" /> Connect an app
          </a>
        </div>
        <div>
          <h2>Add a link here</h2>
          <p>Apps that connect later have it from the start.</p>
          <button type="button" className="button" disabled={isReadOnly} onClick={add}>
            <Icon name="plus" /> Add a first link
          </button>
        </div>
      </div>
      <h2>Bring along what another server has</h2>
      <ImportSnippet user={user} />
    </section>
  );
}

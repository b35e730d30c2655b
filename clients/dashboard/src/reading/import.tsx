// What another server kept, taken over from a file: tried first, told of, then done.

import { useState } from "react";
import { askLines } from "../hub/request";
import { counted } from "../hub/words";
import { Dialog, Field } from "../parts/dialog";
import { type Counts, type Line, NOTHING, type Report, told } from "./report";
import { ROUTES } from "./shapes";

const EXISTING = {
  merge: "keep their password, and the later position",
  attach: "the same, and give those without a password the imported one",
  replace: "make them what the file says",
  skip: "leave them alone",
} as const;
/** A dump of Redis begins so; everything else is KOsync's. */
const DUMP = "REDIS";
/** What a person reads: the command line tells the rest. */
const SHOWN_MAX = 20;

export function ImportDialog({ close }: { readonly close: () => void }) {
  const [report, setReport] = useState<Report>();
  /** Whether the report tells of something that was not done. */
  const [isTried, setTried] = useState(false);
  const isDone = report?.total !== undefined && !isTried;
  const again = (): void => {
    setReport(undefined);
    setTried(false);
  };
  const submit = async (form: FormData): Promise<void> => {
    let heard = NOTHING;
    setTried(!isTried);
    setReport(heard);
    const file = form.get("file") as File;
    await askLines(await routeOf(form, file, !isTried), file, (line) => {
      heard = told(heard, line as Line);
      setReport(heard);
    }).catch((failed: Error) => {
      again();
      throw failed;
    });
    if (heard.total === undefined) {
      again();
      throw new Error("The report ended before its end: look at what is here, and import again.");
    }
  };
  const action = isDone ? {} : { action: isTried ? "Import it" : "Try it" };
  return (
    <Dialog title="Import" {...action} submit={submit} close={close}>
      {/* What was tried is what is imported: another choice has to be tried before. */}
      <div hidden={isDone} className={isDone ? "" : "import-order"} onChange={again}>
        <Order />
      </div>
      {report && <Told report={report} isTried={isTried} />}
    </Dialog>
  );
}

function Order() {
  return (
    <>
      <Field
        label="File"
        hint="KOsync’s database.json or a .bak of it, or a dump.rdb of the official server’s Redis."
      >
        <input type="file" name="file" required />
      </Field>
      <Field label="Accounts that are here already">
        <select name="existing">
          {Object.entries(EXISTING).map(([id, title]) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </Field>
      <label className="check">
        <input type="checkbox" name="rename" />
        <span>
          Give names that no device could send a form that it can
          <span className="field-hint">Otherwise they are passed over</span>
        </span>
      </label>
      <p className="muted">
        Nothing is changed by trying, and importing twice changes nothing. A Redis that runs is read
        by <code>syncline koreader import --redis</code>.
      </p>
    </>
  );
}

async function routeOf(form: FormData, file: File, isDry: boolean): Promise<string> {
  const head = await file.slice(0, DUMP.length).text();
  const query = new URLSearchParams({
    from: head === DUMP ? "rdb" : "kosync",
    dry_run: String(isDry),
    existing: String(form.get("existing")),
    rename: String(form.get("rename") === "on"),
  });
  return `POST ${ROUTES}/import?${query}`;
}

function Told({ report, isTried }: { readonly report: Report; readonly isTried: boolean }) {
  const { accounts, suggestions, passedOver, total } = report;
  const passed = passedOver.slice(0, SHOWN_MAX);
  return (
    <div className="report" role="status">
      <p>
        {total === undefined ? (
          "Reading …"
        ) : (
          <strong>
            {isTried ? "Would take over: " : "Taken over: "}
            {counted(total.accounts, "account")}, {total.made} of them new; {words(total)}.
          </strong>
        )}
      </p>
      <ul>
        {accounts.slice(0, SHOWN_MAX).map((account) => (
          <li key={account.name} className={account.failed === null ? "" : "bad"}>
            {account.name}: {account.failed ?? `${account.done}; ${words(account)}`}
          </li>
        ))}
        {accounts.length > SHOWN_MAX && <li>and {accounts.length - SHOWN_MAX} more</li>}
      </ul>
      {passed.map((what) => (
        <p key={what} className="warn">
          Passed over: {what}
        </p>
      ))}
      {suggestions.map(({ theirs, ours }) => (
        <p key={theirs} className="muted">
          Setting there: {theirs}; here: {ours}
        </p>
      ))}
    </div>
  );
}

function words({ books, positions, titles }: Counts): string {
  const all = [counted(positions, "position"), counted(titles, "title")];
  return `${all.join(" and ")} of ${counted(books, "book")}`;
}

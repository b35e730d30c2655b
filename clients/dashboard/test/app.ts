// A Linkora app, as the hub meets one: requests of its protocol over HTTP, and its event socket.

import { WebSocket } from "ws";
import { until } from "./browser.js";

export type Row = Readonly<Record<string, unknown>>;

interface Heard {
  readonly operation: string;
  readonly payload: Row;
}

const CORRELATION = { id: "phone", clientName: "Swift Fox" };

export class App {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #socket: WebSocket;
  readonly #heard: Heard[] = [];
  /** Events before this one were waited for already. */
  #at = 0;

  private constructor(base: string, token: string) {
    this.#base = base;
    this.#headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const correlation = encodeURIComponent(JSON.stringify(CORRELATION));
    const socket = `${base.replace(/^http/, "ws")}events?correlation=${correlation}`;
    this.#socket = new WebSocket(socket, { headers: this.#headers });
    this.#socket.on("message", (text) => this.#heard.push(JSON.parse(String(text)) as Heard));
  }

  /** An app that listens, as one does that was set up with this address and token. */
  static async open(base: string, token: string): Promise<App> {
    const app = new App(base, token);
    await new Promise((resolve, reject) => {
      app.#socket.once("open", resolve).once("error", reject);
    });
    return app;
  }

  close(): void {
    this.#socket.close();
  }

  /** Asks as the app does; a body makes it a change. */
  async ask(route: string, body?: Row): Promise<Row> {
    const eventTimestamp = Math.floor(Date.now() / 1000);
    const sent = { correlation: CORRELATION, eventTimestamp, ...body };
    const answer = await fetch(`${this.#base}${route}`, {
      method: body === undefined ? "GET" : "POST",
      headers: this.#headers,
      ...(body === undefined ? {} : { body: JSON.stringify(sent) }),
    });
    if (answer.status !== 200) {
      throw new Error(`${route}: ${answer.status} ${await answer.text()}`);
    }
    return (await answer.json()) as Row;
  }

  /** What it reads of a table when it asks for everything. */
  async rows(table: string): Promise<readonly Row[]> {
    return (await this.ask("GET_UPDATES?eventTimestamp=0"))[table] as readonly Row[];
  }

  /** Waits for an event that looks so; each is heard once, in their order. */
  async hears(operation: string, wanted: Row = {}): Promise<Row> {
    const isWanted = (heard: Heard): boolean =>
      heard.operation === operation &&
      Object.entries(wanted).every(([name, value]) => heard.payload[name] === value);
    let found = -1;
    await until(
      () => {
        found = this.#heard.findIndex((heard, at) => at >= this.#at && isWanted(heard));
        return found >= 0;
      },
      `${operation} with ${JSON.stringify(wanted)}`,
    );
    this.#at = found + 1;
    return this.#heard[found]?.payload ?? {};
  }

  makeFolder(name: string): Promise<Row> {
    return this.ask("CREATE_FOLDER", { name, note: "", parentFolderId: null, isArchived: false });
  }

  makeLink(title: string, url: string, folder: number | null): Promise<Row> {
    return this.ask("CREATE_A_NEW_LINK", {
      linkType: folder === null ? "SAVED_LINK" : "FOLDER_LINK",
      title,
      url,
      baseURL: "",
      imgURL: "",
      note: "",
      idOfLinkedFolder: folder,
      userAgent: null,
      markedAsImportant: false,
      mediaType: "IMAGE",
      tags: [],
    });
  }
}

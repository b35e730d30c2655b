// An e-reader as the hub sees it: plain HTTP requests of KOReader's sync, with a name and the MD5 of
// a password.

import { createHash } from "node:crypto";

export interface Pulled {
  readonly percentage?: number;
  readonly progress?: string;
  readonly device?: string;
}

/** What a device of this name, and with this password, asks of a hub. */
export class Device {
  readonly #url: string;
  readonly #name: string;
  readonly #user: string;
  readonly #key: string;

  constructor(url: string, name: string, user: string, password: string) {
    this.#url = url;
    this.#name = name;
    this.#user = user;
    this.#key = createHash("md5").update(password).digest("hex");
  }

  /** Makes the account; gives the status of the answer. */
  async register(): Promise<number> {
    const body = { username: this.#user, password: this.#key };
    return (await this.#ask("POST", "/users/create", body)).status;
  }

  /** Whether the hub knows the name and the password; gives the status of the answer. */
  async logIn(): Promise<number> {
    return (await this.#ask("GET", "/users/auth")).status;
  }

  /** Deletes the account's readings, and its key. */
  async leave(): Promise<number> {
    return (await this.#ask("DELETE", "/users/me")).status;
  }

  /** Turns a page. */
  async push(document: string, percentage: number, metadata?: unknown): Promise<void> {
    const answer = await this.#ask("PUT", "/syncs/progress", {
      document,
      percentage,
      progress: `/body/DocFragment[${Math.round(percentage * 100)}]/body/p[1]/text().0`,
      device: this.#name,
      device_id: createHash("md5").update(this.#name).digest("hex").toUpperCase(),
      ...(metadata === undefined ? {} : { metadata }),
    });
    if (answer.status !== 200) {
      throw new Error(`a push was answered ${answer.status} ${await answer.text()}`);
    }
  }

  async pull(document: string): Promise<Pulled> {
    return (await (await this.#ask("GET", `/syncs/progress/${document}`)).json()) as Pulled;
  }

  #ask(method: string, path: string, body?: unknown): Promise<Response> {
    const headers = {
      accept: "application/vnd.koreader.v1+json",
      "content-type": "application/json",
      "x-auth-user": this.#user,
      "x-auth-key": this.#key,
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`${this.#url}${path}`, { method, headers, ...sent });
  }
}

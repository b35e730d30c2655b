// A real hub in a process of its own, with a folder that outlives it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cargo } from "./cargo.js";

export class Program {
  readonly url: string;
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "syncline-hub-"));
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(program: string, port: number) {
    this.#program = program;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async build(): Promise<Program> {
    return new Program(await cargo(["-p", "syncline", "--bin", "syncline"]), await freePort());
  }

  /** The token of the first start's admin. */
  get token(): string {
    return readFileSync(join(this.#folder, "data/admin-token"), "utf8").trim();
  }

  async start(): Promise<void> {
    const args = [
      "serve",
      "--data",
      join(this.#folder, "data"),
      "--listen",
      `127.0.0.1:${this.#port}`,
    ];
    const process = spawn(this.#program, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = process;
    let said = "";
    process.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok === true) {
        return;
      }
      if (process.exitCode !== null) {
        throw new Error(`the hub ended: ${said}`);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  /** Ends it as a power cut would: no word, no cleaning up. */
  async kill(): Promise<void> {
    const process = this.#process;
    if (process?.exitCode === null) {
      process.kill("SIGKILL");
      await once(process, "exit");
    }
  }

  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers = {
      authorization: `Bearer ${this.token}`,
      "content-type": "application/json",
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${this.url}/hub/v1${path}`, { method, headers, ...sent });
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    }
    return text === "" ? undefined : JSON.parse(text);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

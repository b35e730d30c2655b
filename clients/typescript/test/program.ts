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
  readonly #settings: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #token: string | undefined;

  private constructor(program: string, port: number, settings: Readonly<Record<string, string>>) {
    this.#program = program;
    this.#settings = settings;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** A hub with these settings in its environment, not started yet. */
  static async build(settings: Readonly<Record<string, string>> = {}): Promise<Program> {
    const program = await cargo({ package: "syncline", kind: "bin", name: "syncline" });
    return new Program(program, await freePort(), settings);
  }

  /** The token of the first start's admin. */
  get token(): string {
    this.#token ??= readFileSync(join(this.#folder, "data/admin-token"), "utf8").trim();
    return this.#token;
  }

  async start(): Promise<void> {
    const args = [
      "serve",
      "--data",
      join(this.#folder, "data"),
      "--listen",
      `127.0.0.1:${this.#port}`,
    ];
    const env = { ...process.env, ...this.#settings };
    const hub = spawn(this.#program, args, { stdio: ["ignore", "ignore", "pipe"], env });
    this.#process = hub;
    let said = "";
    hub.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok === true) {
        return;
      }
      if (hub.exitCode !== null) {
        throw new Error(`the hub ended: ${said}`);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  }

  /** Ends it as a power cut would: no word, no cleaning up. */
  async kill(): Promise<void> {
    const hub = this.#process;
    // What a signal has ended has no exit code.
    if (hub?.exitCode === null && hub.signalCode === null) {
      hub.kill("SIGKILL");
      await once(hub, "exit");
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

  /** Runs a command against the running hub, or on its data. */
  async command(...args: readonly string[]): Promise<void> {
    const env = { ...process.env, SYNCLINE_URL: this.url, SYNCLINE_TOKEN: this.token };
    const command = spawn(this.#program, args, { cwd: this.#folder, env, stdio: "ignore" });
    const [code] = (await once(command, "exit")) as [number];
    if (code !== 0) {
      throw new Error(`syncline ${args.join(" ")} ended with ${code}`);
    }
  }

  /** Begins a command that goes on, such as `tail`; gives what it has printed so far. */
  follow(...args: readonly string[]): { readonly printed: () => string; readonly end: () => void } {
    const env = { ...process.env, SYNCLINE_URL: this.url, SYNCLINE_TOKEN: this.token };
    const stdio = ["ignore", "pipe", "inherit"] as const;
    const command = spawn(this.#program, args, { cwd: this.#folder, env, stdio: [...stdio] });
    let printed = "";
    command.stdout?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    return { printed: () => printed, end: () => command.kill() };
  }

  /** Puts a backup in the place of the data; the admin's token stays good. */
  async restore(backup: string): Promise<void> {
    await this.kill();
    rmSync(join(this.#folder, "data"), { recursive: true });
    await this.command("restore", backup, "--data", join(this.#folder, "data"));
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

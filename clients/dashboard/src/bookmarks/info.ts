// What the hub says of a data set: where it is, whether it has begun, how apps reach it.

import { type Answer, useAnswer } from "../hub/answer";
import { ask } from "../hub/request";

export interface Info {
  readonly user: string;
  readonly space: string;
  readonly enabled: boolean;
  /** Whether an app, or a person, has begun it. */
  readonly exists: boolean;
  /** Below this path the hub's own address is the gateway's. */
  readonly prefix: string;
  /** Names under which the whole port is the gateway's. */
  readonly hosts: readonly string[];
  /** Ports of its own that other machines can reach. */
  readonly ports: readonly number[];
  /** The path of the certificate; null where the hub speaks no TLS. */
  readonly certificate: string | null;
}

/** An app may begin the data set at any moment. */
const EVERY_MS = 3_000;

export function useInfo(user: string): Answer<Info> {
  return useAnswer<Info>(`/gateways/linkora?user=${encodeURIComponent(user)}`, EVERY_MS);
}

/** Begins a data set before an app does. */
export function begin(user: string): Promise<unknown> {
  return ask(`POST /gateways/linkora?user=${encodeURIComponent(user)}`);
}

// Starts the page, and the worker that serves it when the hub cannot.

import "./style/index.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";

const root = document.getElementById("app");
if (root === null) {
  throw new Error("the page lacks its root");
}
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

interface TrustedTypes {
  readonly createPolicy: (
    name: string,
    rules: { readonly createScriptURL: (text: string) => string },
  ) => { readonly createScriptURL: (text: string) => string };
}

const WORKER = "/assets/worker.js";

/** The one address of a script that the page ever names; the policy knows no other. */
function workerAddress(): string {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("syncline", { createScriptURL: () => WORKER });
  return policy?.createScriptURL(WORKER) ?? WORKER;
}

// Only pages that came over a secure connection have one; elsewhere a reload needs the hub.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  void navigator.serviceWorker.register(workerAddress(), { scope: "/" }).catch(() => undefined);
}

// Gives the person a file that the page has made.

export function download(name: string, lines: readonly string[]): void {
  const file = new Blob(
    lines.map((line) => `${line}\n`),
    { type: "application/x-ndjson" },
  );
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

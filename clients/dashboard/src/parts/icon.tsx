// The few pictures that the page draws: strokes on a grid of 16.

const PATHS = {
  overview: "M2 12l3.5-5 3 3L14 3.5M2 14.5h12",
  spaces: "M8 1.5l6.5 3.2L8 8 1.5 4.7zM1.5 8L8 11.2 14.5 8M1.5 11.3L8 14.5l6.5-3.2",
  bookmarks: "M4 2h8v12l-4-3.2L4 14z",
  devices: "M1.5 3h9v6.5h-9zM4 12.5h4M6 9.5v3M12 6h2.5v7H12z",
  conflicts: "M4 2.5v3c0 3 8 2 8 5v3M12 2.5v3c0 1-.9 1.6-2 2M4 13.5v-3c0-1 .9-1.6 2-2",
  people:
    "M6 7.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 3c1.2.3 2 1.2 2 2.3S12.2 7.3 11 7.5M12.5 9.8c1.3.6 2 1.9 2 3.7",
  system:
    "M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7M10.7 6.5a2 2 0 100-4 2 2 0 000 4zM5.3 13.5a2 2 0 100-4 2 2 0 000 4z",
  edit: "M10.5 3l2.5 2.5L6 12.5l-3.2.7.7-3.2zM9 4.5L11.5 7",
  folder: "M1.5 4h4.5l1.5 1.7h7v7.3h-13z",
  archive: "M2 2.5h12V6H2zM3 6v7.5h10V6M6.5 8.5h3",
  clock: "M8 14a6 6 0 100-12 6 6 0 000 12zM8 4.7V8l2.3 1.6",
  panels: "M2 2.5h5v11H2zM9.5 2.5H14v4.5H9.5zM9.5 9.5H14v4H9.5z",
  star: "M8 1.8l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.6l-3.8 2 .7-4.3-3.1-3 4.3-.6z",
  tag: "M2 2.5h5.5L14 9l-5 5-7-6.5zM5 5.5h.01",
  up: "M8 13V3.5M4 7.5l4-4 4 4",
  down: "M8 3v9.5M4 8.5l4 4 4-4",
  reading:
    "M8 4.2C6.6 3 4.6 2.6 1.8 2.7v9.6c2.8-.1 4.8.3 6.2 1.5 1.4-1.2 3.4-1.6 6.2-1.5V2.7C11.4 2.6 9.4 3 8 4.2zM8 4.2v9.6",
  undo: "M5.5 3L2.5 6l3 3M2.5 6H10a3.5 3.5 0 010 7H6",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  plus: "M8 3v10M3 8h10",
  download: "M8 2v8.5M4.5 7.5L8 11l3.5-3.5M2.5 14h11",
  trash: "M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 6.5v4.5M9.3 6.5v4.5",
  leave: "M6.5 2.5h-4v11h4M6 8h8M11 5l3 3-3 3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: three layers that a fold keeps together. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M4 7c5.6 0 6.2 7 12 7s6.4-7 12-7" />
      <path className="second" d="M4 13.5c5.6 0 6.2 7 12 7s6.4-7 12-7" />
      <path className="third" d="M4 20c5.6 0 6.2 7 12 7s6.4-7 12-7" />
    </svg>
  );
}

// A text as a QR code, for a phone's camera.
//
// One path of one colour: the page may hold no markup made from texts, and loads no picture.

import encodeQR from "qr";
import { useMemo } from "react";

/** Light modules around the code: readers want four. */
const BORDER = 4;

export function QrCode(props: { readonly text: string; readonly label: string }) {
  const { path, size } = useMemo(() => drawn(props.text), [props.text]);
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={props.label}>
      <path className="qr-ground" d={`M0 0h${size}v${size}H0z`} />
      <path className="qr-code" d={path} />
    </svg>
  );
}

/** The dark modules, a run of them at a time. */
function drawn(text: string): { readonly path: string; readonly size: number } {
  const rows = encodeQR(text, "raw", { border: BORDER });
  const runs = rows.flatMap((row, y) => {
    const found: string[] = [];
    for (let x = 0; x < row.length; x += 1) {
      const end = row.indexOf(false, x);
      const length = (end === -1 ? row.length : end) - x;
      if (length > 0) {
        found.push(`M${x} ${y}h${length}v1h-${length}z`);
        x += length;
      }
    }
    return found;
  });
  return { path: runs.join(""), size: rows.length };
}

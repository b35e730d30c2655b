// How far somebody is in a book: a bar that moves, and the same in words.

const SHARE = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** 42.5% */
export const percent = (share: number): string => SHARE.format(share);

export function Bar(props: { readonly label: string; readonly share: number }) {
  const { label, share } = props;
  const value = Math.round(share * 1000) / 10;
  return (
    <span className="share">
      <span
        className="share-bar"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={value}
        aria-valuetext={percent(share)}
      >
        <i style={{ transform: `scaleX(${share})` }} />
      </span>
      <span className="share-words">{percent(share)}</span>
    </span>
  );
}

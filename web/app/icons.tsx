// Line icons, drawn for this page: 24 × 24, stroke in the text's colour. Hidden from screen readers;
// the button around has the name.

const SHAPES = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  arrow: "M5 12h14M13 6l6 6-6 6",
  chevron: "M9 6l6 6-6 6",
  up: "M6 15l6-6 6 6",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6l1.4 1.4M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
  help: "M9.2 9a2.9 2.9 0 1 1 4.3 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  photos: "M4 7h12v12H4zM8 3h13v12M4 16l4-4 3 3 2-2 3 3",
  network: "M5 6v12M12 4v16M19 6v12M5 8l7-2 7 2M5 12h14M5 16l7 2 7-2",
  train: "M4 19h16M6 16l4-5 4 3 5-8",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
  pin: "M9 4h6l-1 6 3.5 3.5h-11L10 10zM12 13.5V20",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  stop: "M7 7h10v10H7z",
  save: "M12 4v11M7.5 11L12 15.5 16.5 11M5 19.5h14",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  wide: "M8 8l-4 4 4 4M16 8l4 4-4 4M4 12h16",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
  upload: "M12 16V5M7.5 9.5L12 5l4.5 4.5M5 19.5h14",
  folder: "M3.5 6h6l2 2.5h9V19h-17z",
  warn: "M12 4l9 15.5H3zM12 10v4.5M12 17v.01",
  copy: "M8 8h12v12H8zM4 16V4h12",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={SHAPES[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" class="logo-ground" />
      <path d="M16 27V15" class="logo-stem" />
      <path d="M16 17c0-6 3.6-9.6 9.6-10.2C25.8 13 22 17 16 17z" class="logo-scion" />
      <path d="M16 21.5c0-5-3-8-8.6-8.5C7.3 18.3 10.5 21.5 16 21.5z" class="logo-leaf" />
    </svg>
  );
}

/** A seedling that grows with `stage` (0 … 3), for places where there is nothing to show yet. */
export function Seedling({ stage = 1 }: { stage?: number }) {
  return (
    <svg class="seedling" viewBox="0 0 160 120" width="160" height="120" aria-hidden="true" focusable="false">
      <ellipse cx="80" cy="104" rx="58" ry="8" class="soil" />
      <path d={stage === 0 ? "M80 96c0-7-3-9-7-12" : "M80 103V62"} class="stem" />
      {stage === 0 && <ellipse cx="80" cy="98" rx="9" ry="6" class="seed" />}
      {stage > 0 && <path d="M80 76c0-16 9-25 26-27 1 17-9 27-26 27z" class="leaf" />}
      {stage > 0 && <path d="M80 88c0-13-8-21-23-22-1 14 8 22 23 22z" class="leaf pale" />}
      {stage > 1 && <path d="M80 64c-2-14 4-24 18-29 5 15-2 26-18 29z" class="leaf" />}
      {stage > 2 && (
        <g class="bloom">
          {[0, 72, 144, 216, 288].map((turn) => (
            <ellipse key={turn} cx="80" cy="33" rx="8" ry="13" transform={`rotate(${turn} 80 46)`} />
          ))}
          <circle cx="80" cy="46" r="7" class="heart" />
        </g>
      )}
    </svg>
  );
}

/** 中文, drawn: as text, these two alone would have a browser open a font of 20 MB before its first frame. */
export function Chinese() {
  return (
    <svg class="icon" width={32} height={16} viewBox="0 0 40 20" aria-hidden="true" focusable="false">
      <path d="M3.5 6.5h13v7h-13zM10 2.5v15.5M29 2.5l1 2.5M21.5 6h16M34 6.5c-1.6 5.4-5.6 9.2-12 11.3M25 6.5c1.8 5.2 5.8 9.1 12.2 11.3" />
    </svg>
  );
}

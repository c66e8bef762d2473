const paths = {
  account: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm-5.5 6c.6-2.8 2.8-4 5.5-4s4.9 1.2 5.5 4',
  add: 'M8 3v10M3 8h10',
  audit: 'M4 2h6l3 3v9H4zM6.5 8h4M6.5 11h4M6.5 5h2',
  back: 'M10 3 5 8l5 5',
  check: 'm3 8.5 3.5 3.5L13 4.5',
  columns: 'M2.5 3h11v10h-11zM6.2 3v10M9.9 3v10',
  copy: 'M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3',
  desktop: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  devices: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01',
  domain: 'M2 13.5h12M3.5 13.5v-11h6v11M9.5 6h3v7.5M5.5 5h2M5.5 7.5h2M5.5 10h2',
  download: 'M8 2v8m0 0L5 7m3 3 3-3M3 13.5h10',
  empty: 'M2.5 9.5 4.5 3h7l2 6.5v4h-11zM2.5 9.5h3l1 1.5h3l1-1.5h3',
  key: 'M10.5 9a3.5 3.5 0 1 0-3.3-2.3L2.5 11.5v2h2l.5-1.5h1.5V10.5h1.2L8.9 8.7c.5.2 1 .3 1.6.3ZM11.5 4.5h.01',
  log_out: 'M6.5 13.5h-4v-11h4M10.5 11l3-3-3-3M13.5 8h-7',
  more: 'M3 7.8a.4.4 0 1 0 .01 0M8 7.8a.4.4 0 1 0 .01 0M13 7.8a.4.4 0 1 0 .01 0',
  offline:
    'M2 2l12 12M4.6 8.3A5 5 0 0 1 7 7.1M1.8 5.9a9 9 0 0 1 2.9-1.8M11.4 8.3 10.6 7.7M14.2 5.9A9 9 0 0 0 7.5 3.5M8 12.5h.01',
  people:
    'M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Zm-4.5 6C2 11 3.7 10 6 10s4 1 4.5 3.5M10.5 2.8a2.5 2.5 0 0 1 0 4.5M12 10.3c1.4.5 2.2 1.5 2.5 3.2',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14',
  terminal: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10h3',
  up: 'M8 13V3M4 7l4-4 4 4',
  down: 'M8 3v10M4 9l4 4 4-4',
  waiting: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.5V8l2.5 1.5',
  warning: 'M8 2 1.5 13.5h13zM8 6.5v3M8 11.5h.01',
  webhook:
    'M10.5 5a2.5 2.5 0 1 0-3.4 2.3L4.8 11M5.5 13.5a2.5 2.5 0 1 1-1.6-4.4M5.5 12h6a2 2 0 1 0-1.6-3.2L8 5',
  web: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2 8h12M8 2c2 2 2.5 4 2.5 6S10 12 8 14c-2-2-2.5-4-2.5-6S6 4 8 2Z',
} as const;

export type IconName = keyof typeof paths;

/** Beside a text that says the same, or within something that has a label. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2">
      <path d="M3 18V9a9 9 0 0 1 18 0v9" />
      <path d="M7.5 18V10a4.5 4.5 0 0 1 9 0v8M12 10v8" />
    </svg>
  );
}

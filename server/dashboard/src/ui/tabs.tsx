import { useEffect, useRef } from 'preact/hooks';

/** Parts of a page, each with its own address. */
export function Tabs({
  label,
  tabs,
  current,
}: {
  readonly label: string;
  /** Address and text. */
  readonly tabs: readonly (readonly [string, string])[];
  readonly current: string;
}) {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    // Where the screen is too narrow for all of them.
    bar.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  return (
    <nav class="tabs" aria-label={label} ref={bar}>
      {tabs.map(([address, text]) => (
        <a key={address} href={address} {...(address === current ? { 'aria-current': 'page' as const } : {})}>
          {text}
        </a>
      ))}
    </nav>
  );
}

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
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([address, text]) => (
        <a key={address} href={address} {...(address === current ? { 'aria-current': 'page' as const } : {})}>
          {text}
        </a>
      ))}
    </nav>
  );
}

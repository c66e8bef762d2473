/**
 * The logo of a brand. `logo`: addresses of its images; `theme`: that of the page, `undefined`: as the browser wants it.
 */
export function Logo({
  logo,
  name,
  theme,
}: {
  readonly logo: { readonly light: string; readonly dark: string };
  readonly name: string;
  readonly theme: 'light' | 'dark' | undefined;
}) {
  const chosen = theme === undefined ? null : logo[theme];
  return (
    <picture>
      {chosen === null && <source media="(prefers-color-scheme: dark)" srcset={logo.dark} />}
      <img src={chosen ?? logo.light} alt={name} />
    </picture>
  );
}

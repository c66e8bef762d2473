import type { Look } from '../../../dashboard/src/desk/messages.ts';

/** The logo of the brand, or its name; nothing where there is no brand. It follows the theme. */
export function BrandMark({ brand, theme }: Look) {
  if (!brand || brand.name === null) return null;
  const { logo, name } = brand;
  if (!logo) return <span class="mark">{name}</span>;
  const chosen = theme === undefined ? null : logo[theme];
  return (
    <picture class="mark">
      {chosen === null && <source media="(prefers-color-scheme: dark)" srcset={logo.dark} />}
      <img src={chosen ?? logo.light} alt={name} />
    </picture>
  );
}

import type { Look } from '../../../dashboard/src/desk/messages.ts';
import { Logo } from '../../../dashboard/src/ui/logo.tsx';

/** The logo of the brand, or its name; nothing where there is no brand. It follows the theme. */
export function BrandMark({ brand, theme }: Look) {
  if (!brand || brand.name === null) return null;
  const { logo, name } = brand;
  return <span class="mark">{logo ? <Logo logo={logo} name={name} theme={theme} /> : name}</span>;
}

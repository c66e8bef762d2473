import { signal } from '@preact/signals';
import { get } from '../api/call.ts';
import type { Branding } from '../api/types.ts';
import type { DeskBrand } from '../desk/messages.ts';
import { setLanguages } from '../texts/language.ts';

export const branding = signal<Branding | null>(null);

/** To be called before the texts are read. */
export async function readBranding(): Promise<void> {
  const brand = await get<Branding>('/branding');
  branding.value = brand;
  setLanguages({ available: brand.languages, replaced: brand.texts, name: brand.name });
}

/** What terminal and desktop show of it. */
export function deskBrand(): DeskBrand | undefined {
  if (branding.value === null) return undefined;
  const { name, logo, style, languages, texts } = branding.value;
  return { name, logo, style, languages, texts };
}

/** Whether pages show a property. `hidden`: names, where `NAME*` stands for all that begin so. */
export function isHidden(name: string, hidden: readonly string[]): boolean {
  return hidden.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
}

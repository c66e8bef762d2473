import { signal } from '@preact/signals';
import { get } from '../api/call.ts';
import type { Branding } from '../api/types.ts';
import { setLanguages } from '../texts/language.ts';

export const branding = signal<Branding | null>(null);

/** To be called before the texts are read. */
export async function readBranding(): Promise<void> {
  const brand = await get<Branding>('/branding');
  branding.value = brand;
  setLanguages({ available: brand.languages, replaced: brand.texts, name: brand.name });
}

/** Whether pages show a property. `hidden`: names, where `NAME*` stands for all that begin so. */
export function isHidden(name: string, hidden: readonly string[]): boolean {
  return hidden.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
}

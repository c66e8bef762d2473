import { computed, signal } from '@preact/signals';
import { get, put } from '../api/call.ts';
import type { Account, Permission, Preferences, Server } from '../api/types.ts';
import { branding, isHidden } from './branding.ts';
import { propertyOf, readColumns } from './columns.ts';

export const account = signal<Account | null>(null);
export const server = signal<Server | null>(null);
export const preferences = signal<Preferences>({});
/** The server no longer knows who this is. */
export const loggedOut = signal(false);

const permissions = computed(() => new Set(account.value?.permissions.map(({ permission }) => permission)));

/** Held for something. What it is held for, the server knows. */
export const may = (permission: Permission): boolean => permissions.value.has(permission);
/** Held for everything. */
export const mayAll = (permission: Permission): boolean =>
  account.value?.permissions.some((one) => one.permission === permission && one.extent === null) ?? false;

export const me = (): string => account.value?.user.name ?? '';

export async function readAccount(): Promise<void> {
  account.value = await get<Account>('/account');
}

export async function readSession(): Promise<void> {
  const [about, chosen] = await Promise.all([
    get<Server>('/server'),
    get<Preferences>('/account/preferences'),
    readAccount(),
  ]);
  server.value = about;
  preferences.value = chosen;
  rememberLook(chosen);
}

/** Columns of the list of devices: as the user has chosen, or as the brand has them. */
export const shownColumns = (): readonly string[] => {
  const hidden = branding.value?.hiddenProperties ?? [];
  const columns = readColumns(preferences.value.columns ?? branding.value?.columns ?? undefined);
  return columns.filter((column) => !isHidden(propertyOf(column) ?? '', hidden));
};

/** Keeps a choice of the user; what is `undefined` returns to what is usual. */
export async function choose(
  changes: { [Key in keyof Preferences]?: Preferences[Key] | undefined },
): Promise<void> {
  const next = JSON.parse(JSON.stringify({ ...preferences.value, ...changes })) as Preferences;
  preferences.value = next;
  rememberLook(next);
  await put('/account/preferences', next);
}

const lookKey = 'look';

/** So that the next page begins in this language and theme, before the server has said so. */
function rememberLook({ language, theme }: Preferences): void {
  showTheme(theme);
  try {
    localStorage.setItem(lookKey, JSON.stringify({ language, theme }));
  } catch {
    // Not allowed in this browser.
  }
}

export function rememberedLook(): Pick<Preferences, 'language' | 'theme'> {
  try {
    const look = JSON.parse(localStorage.getItem(lookKey) ?? '{}') as Preferences;
    showTheme(look.theme);
    return look;
  } catch {
    return {};
  }
}

function showTheme(theme: Preferences['theme']): void {
  const { dataset } = document.documentElement;
  if (theme === undefined) delete dataset.theme;
  else dataset.theme = theme;
}

/** Wall-clock ms, for what is said as "5 minutes ago". */
export const now = signal(Date.now());
export function startClock(): void {
  setInterval(() => {
    if (document.visibilityState === 'visible') now.value = Date.now();
  }, 30_000);
}

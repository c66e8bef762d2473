import { computed, signal } from '@preact/signals';
import { call, get } from '../api/call.ts';
import { Problem } from '../api/problem.ts';
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
  showPreferences(chosen);
}

/** Columns of the list of devices: as the user has chosen, or as the brand has them. */
export const shownColumns = (): readonly string[] => {
  const hidden = branding.value?.hiddenProperties ?? [];
  const columns = readColumns(preferences.value.columns ?? branding.value?.columns ?? undefined);
  return columns.filter((column) => !isHidden(propertyOf(column) ?? '', hidden));
};

/** What is `undefined` returns to what is usual. */
export type Choices = { [Key in keyof Preferences]?: Preferences[Key] | undefined };

let choosing: Promise<void> = Promise.resolve();

/**
 * Keeps a choice of the user, which is seen at once. `choices` is asked with what is chosen so far, and once more with what was
 * chosen in other tabs and browsers meanwhile: so neither undoes the other.
 */
export function choose(choices: (present: Preferences) => Choices): Promise<void> {
  showPreferences(withChoices(preferences.value, choices));
  const before = choosing.catch(() => {});
  choosing = before.then(() => keep(choices));
  return choosing;
}

const path = '/account/preferences';
const attempts = 3;

async function keep(choices: (present: Preferences) => Choices): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { body, version } = await call<Preferences>('GET', path);
    const next = withChoices(body, choices);
    try {
      await call('PUT', path, { body: next, ifMatch: version });
      showPreferences(next);
      return;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412 || attempt === attempts) throw error;
    }
  }
}

function withChoices(present: Preferences, choices: (present: Preferences) => Choices): Preferences {
  // JSON leaves out what is undefined.
  return JSON.parse(JSON.stringify({ ...present, ...choices(present) })) as Preferences;
}

function showPreferences(next: Preferences): void {
  preferences.value = next;
  rememberLook(next);
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

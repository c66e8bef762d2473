import { isIP } from 'node:net';
import { asciiLowerCase } from '../ascii-case.ts';
import { hostOf } from '../http/host-names.ts';

/** What a setting may be. */
export interface SettingType<Value> {
  /** What stands for the value in the help text. */
  readonly placeholder: string;
  /** Reads a JSON value of the file, or the text of an option or a variable. Calls `refuse` with what is allowed instead. */
  readonly read: (given: unknown, refuse: (allowed: string) => never) => Value;
}

const text: SettingType<string>['read'] = (given, refuse) =>
  typeof given === 'string' && given !== '' ? given : refuse('text');

export const file: SettingType<string> = { placeholder: 'FILE', read: text };

export const flag: SettingType<boolean> = {
  placeholder: '',
  read: (given, refuse) => {
    if (given === true || given === 'true' || given === '1') return true;
    return given === false || given === 'false' || given === '0' ? false : refuse('true or false');
  },
};

/** An array, or text with commas. */
const list: SettingType<readonly string[]>['read'] = (given, refuse) => {
  const items: unknown = typeof given === 'string' ? given.split(',') : given;
  if (!Array.isArray(items) || !items.every((item) => typeof item === 'string')) {
    return refuse('a list of texts');
  }
  return items.map((item) => item.trim()).filter((item) => item !== '');
};

export const addresses: SettingType<readonly string[]> = { placeholder: 'ADDRESSES', read: list };

/** URLs of reflectors, as agents have them. */
export const reflectorUrls: SettingType<readonly string[]> = {
  placeholder: 'URLS',
  read: (given, refuse) =>
    list(given, refuse).map((text) => {
      const url = URL.canParse(text) ? new URL(text) : null;
      const fits =
        url &&
        /^https?:$/.test(url.protocol) &&
        `${url.username}${url.password}${url.search}${url.hash}` === '';
      return fits ? url.href : refuse('URLs of reflectors, as in https://b.example.com/');
    }),
};

export const seconds = (min: number, max: number) => integer('SECONDS', min, max);
export const days = (min: number, max: number) => integer('DAYS', min, max);
export const count = (min: number, max: number) => integer('N', min, max);

function integer(placeholder: string, min: number, max: number): SettingType<number> {
  return {
    placeholder,
    read: (given, refuse) => {
      const number = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given;
      const fits = typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max;
      return fits ? number : refuse(`a whole number from ${min} to ${max}`);
    },
  };
}

export function choice(placeholder: string, ...choices: readonly string[]): SettingType<string> {
  return {
    placeholder,
    read: (given, refuse) =>
      typeof given === 'string' && choices.includes(given) ? given : refuse(`one of ${choices.join(', ')}`),
  };
}

/** `ADDRESS:PORT`, an IPv6 address in brackets. */
export const socketAddress: SettingType<{ readonly host: string; readonly port: number }> = {
  placeholder: 'ADDRESS:PORT',
  read: (given, refuse) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text(given, refuse));
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    return host !== undefined && port <= 65535
      ? { host, port }
      : refuse('ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080');
  },
};

/** A domain name in lower case. */
export const domainName: SettingType<string> = {
  placeholder: 'NAME',
  read: (given, refuse) => {
    const name = asciiLowerCase(text(given, refuse));
    const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
    const fits = new RegExp(`^${label}(?:\\.${label})*$`).test(name) && isIP(name) === 0;
    return fits ? name : refuse('a host name, as in reflector.example.com');
  },
};

/** A domain name or an IPv4 address, in lower case. */
export const hostName: SettingType<string> = {
  placeholder: 'NAME',
  read: (given, refuse) => {
    const name = asciiLowerCase(text(given, refuse));
    return hostOf(name) === name ? name : refuse('a host name or an IPv4 address, without a port');
  },
};

/** `null` where nothing is given. */
export function optional<Value>({ placeholder, read }: SettingType<Value>): SettingType<Value | null> {
  return { placeholder, read: (given, refuse) => (given === null ? null : read(given, refuse)) };
}

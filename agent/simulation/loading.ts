import { utf8Encode } from 'rm-protocol';
import { type Loaded, load } from '../src/config/load.ts';
import type { Host } from '../src/host.ts';

/** Where the configuration is. */
export const path = '/etc/rm-agent.json';

/** Of mode 0600 unless it says otherwise. */
export interface FakeFile {
  readonly content: Uint8Array | string;
  readonly mode?: number;
  readonly kind?: 'file' | 'directory';
  /** True unless it says otherwise. */
  readonly writable?: boolean;
}

const directory: FakeFile = { content: '', mode: 0o755, kind: 'directory' };

/** All of a machine that reading a configuration looks at. */
export function machine(
  given: Record<string, FakeFile>,
  nodeId = '0123456789ab',
  variables: Record<string, string> = {},
): Host {
  const files: Record<string, FakeFile> = {
    ...{ '/': directory, '/run': directory, '/var/lib': directory },
    ...given,
  };
  const environment: Record<string, string> = {
    DOMAIN: 'from-env',
    NESTED: '${nodeId}',
    BAD: 'a@b',
    EMPTY: '',
    PATH: '/bin:/usr/bin',
    ...variables,
  };
  return {
    files: {
      read(name: string, maxBytes: number): Uint8Array {
        const content = files[name]?.content;
        if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'not-found' });
        const bytes = typeof content === 'string' ? utf8Encode(content) : content;
        if (bytes.length > maxBytes) throw Object.assign(new Error('too large'), { code: 'too-large' });
        return bytes;
      },
      list: (name: string) => {
        const below = Object.keys(files).filter((file) => file.startsWith(`${name}/`));
        return [...new Set(below.map((file) => file.slice(name.length + 1).replace(/\/.*/, '')))].sort();
      },
      stat: (name: string) => {
        const file = files[name];
        if (file === undefined) return null;
        const { kind = 'file', mode = 0o600, writable = true } = file;
        return { kind, size: 0, mode, writable };
      },
    },
    system: {
      environment: (name: string) => environment[name],
      hostName: () => 'pump-house',
      nodeId: () => nodeId,
    },
  } as unknown as Host;
}

/** The least that is accepted. */
export const minimal = {
  reflector: 'https://remote.example.com/',
  device: { id: 'pump-7', domain: '7f1c' },
  services: [{ port: 80, kind: 'http' }],
};

/** Loads `minimal` with these members in place of its own. */
export function loadWith(members: object, files: Record<string, FakeFile> = {}, nodeId?: string): Loaded {
  const content = JSON.stringify({ ...minimal, ...members });
  return load(machine({ [path]: { content }, ...files }, nodeId), path);
}

/** What is wrong, without where it stands. */
export function errors(loaded: Loaded): string[] {
  return 'errors' in loaded ? loaded.errors.map((line) => line.replace(/^[^ ]*:\d+:\d+: /, '')) : [];
}

/** What is warned of, without where it stands. */
export function warnings(loaded: Loaded): string[] {
  return 'ok' in loaded
    ? loaded.warnings.map((line) => line.replace(/^[^ ]*:\d+:\d+: /, ''))
    : ['not loaded'];
}

/** The configuration, of which nothing is wrong. */
export function accepted(loaded: Loaded) {
  if ('errors' in loaded) throw new Error(loaded.errors.join('\n'));
  return loaded.ok;
}

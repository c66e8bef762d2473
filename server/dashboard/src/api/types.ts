// What the API says, as `openapi.json` describes it. Times are RFC 3339.

export type Permission =
  | 'devices.open'
  | 'devices.read'
  | 'devices.write'
  | 'devices.create'
  | 'domains.read'
  | 'domains.write'
  | 'users.read'
  | 'users.write'
  | 'grants.write'
  | 'enrolment.write'
  | 'audit.read'
  | 'recordings.read'
  | 'recordings.delete'
  | 'events.read'
  | 'webhooks.write'
  | 'server.read';

export interface Account {
  readonly user: User;
  readonly provenBy: string;
  readonly permissions: readonly {
    readonly permission: Permission;
    /** `null`: for everything. */
    readonly extent: { readonly domains: readonly string[]; readonly devices: number } | null;
  }[];
}

/** What the server is set to. */
export interface Server {
  readonly version: string;
  /** Devices are at `ID.DOMAIN`. */
  readonly domain: string;
  /** The host that shows a chosen device, where there is one. */
  readonly cookieHost: string | null;
  /** Invitations can be sent. */
  readonly mail: boolean;
}

/** How the server looks to this user. Addresses are paths of the server. */
export interface Branding {
  readonly name: string | null;
  readonly logo: { readonly light: string; readonly dark: string } | null;
  readonly style: string | null;
  /** The first is the usual one. */
  readonly languages: readonly string[];
  /** By language: texts in the place of ours. */
  readonly texts: Readonly<Record<string, string>>;
  /** `text`: by language. */
  readonly links: readonly { readonly text: Readonly<Record<string, string>>; readonly address: string }[];
  readonly columns: readonly string[] | null;
  /** `NAME*` stands for all that begin so. */
  readonly hiddenProperties: readonly string[];
}

/** What a user has chosen for the dashboard. */
export interface Preferences {
  readonly language?: string;
  readonly theme?: 'light' | 'dark';
  readonly screenReader?: boolean;
  readonly columns?: readonly string[];
  readonly views?: readonly { readonly name: string; readonly query: string }[];
}

export interface TerminalRecording {
  readonly id: string;
  readonly user: string;
  readonly device: string;
  readonly domain: string;
  readonly port: number;
  readonly started: string;
  readonly bytes: number;
  /** The terminal is open, and the recording grows. */
  readonly open: boolean;
  /** Its end is missing. */
  readonly cut: boolean;
}

export interface ListedDevice {
  readonly id: string;
  readonly domain: string;
  readonly name: string | null;
  readonly tags: readonly string[];
  readonly created: string;
  readonly online: boolean;
  readonly lastSeen: string | null;
  readonly address: string | null;
  readonly agent: string | null;
  readonly version: string | null;
  readonly ports: readonly number[];
  readonly httpPort: number | null;
  readonly sshPort: number | null;
  readonly vncPort: number | null;
  readonly rdpPort: number | null;
  /** Those that were asked for. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface Device extends Omit<ListedDevice, 'properties'> {
  /** Those that the user may open; `web`: of web interfaces; `null`: all. */
  readonly openPorts: readonly (number | 'web')[] | null;
  readonly description: string;
  readonly notes: string;
  readonly createdBy: string | null;
  readonly lastConnect: string | null;
  readonly connects: number;
  readonly bytesFrom: number;
  readonly bytesTo: number;
  readonly properties: {
    readonly system: Readonly<Record<string, string>>;
    readonly user: Readonly<Record<string, string>>;
  };
  readonly refused: { readonly time: string; readonly reason: string; readonly address: string } | null;
  readonly duplicateNoticed: string | null;
}

export interface NewDevice {
  readonly device: Device | null;
  readonly password: string | null;
  readonly configuration: object;
}

/** Why a connection of a device has ended. */
export interface ConnectionEnd {
  readonly cause:
    | 'closed'
    | 'silent'
    | 'lost'
    | 'replaced'
    | 'disconnected'
    | 'refused'
    | 'misbehaved'
    | 'stopped';
  /** In English. */
  readonly reason: string;
  readonly by: string | null;
}

export interface Connection {
  readonly began: string;
  readonly ended: string | null;
  readonly live: boolean;
  readonly end: ConnectionEnd | null;
  readonly address: string;
  readonly agent: string;
  readonly bytesFrom: number;
  readonly bytesTo: number;
}

export interface TrafficDay {
  readonly day: string;
  readonly bytesFrom: number;
  readonly bytesTo: number;
}

/** Who has something open on a device. */
export interface LiveUsers {
  readonly items: readonly {
    readonly user: string;
    readonly port: number;
    readonly web: boolean;
    readonly since: string;
    readonly open: number;
  }[];
  /** What the device has not let in yet: it may be asking somebody. */
  readonly waiting: readonly { readonly port: number; readonly since: string }[];
}

/** A record of the audit log. */
export interface LogRecord {
  readonly time: string;
  readonly event: string;
  readonly sequence?: number;
  readonly allowed?: boolean;
  readonly user?: string;
  readonly by?: string;
  readonly address?: string;
  readonly device?: string;
  readonly port?: number;
  readonly operator?: string;
  readonly detail?: string;
  readonly reason?: string;
  readonly times?: number;
  readonly bytesFrom?: number;
  readonly bytesTo?: number;
  readonly ms?: number;
}

/** `null`: any amount. */
export interface Quotas {
  readonly devices: number | null;
  /** Devices on line at the same time. */
  readonly connections: number | null;
  readonly bytesPerMonth: number | null;
}

export interface Domain {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly quotas: Quotas;
  readonly usage: { readonly devices: number; readonly connections: number; readonly bytesThisMonth: number };
}

export interface User {
  readonly name: string;
  readonly kind: 'person' | 'service';
  readonly role: 'administrator' | 'user';
  readonly fullName: string;
  readonly email: string | null;
  readonly domains: readonly string[];
  readonly groups: readonly string[];
  readonly oneTimePasswords: boolean;
  readonly created: string;
}

export interface Group {
  readonly name: string;
  readonly description: string;
  readonly created: string;
  readonly members: number;
}

export const roles = ['administrator', 'operator', 'user', 'auditor'] as const;
export type Role = (typeof roles)[number];

export interface Grant {
  readonly id: string;
  readonly user: string | null;
  readonly group: string | null;
  readonly role: Role;
  readonly domain: string | null;
  readonly device: string | null;
  readonly ports: readonly (number | 'web')[] | null;
  readonly until: string | null;
  readonly created: string;
  readonly createdBy: string;
}

export interface ApiKey {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly targets: readonly ({ readonly domain: string } | { readonly device: string })[] | null;
  readonly created: string;
  readonly expires: string | null;
  readonly used: string | null;
  readonly address: string | null;
}

export interface EnrolmentKey {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly prefix: string;
  readonly approval: boolean;
  readonly uses: number | null;
  readonly used: number;
  readonly expires: string | null;
  readonly created: string;
  readonly createdBy: string;
  readonly lastUsed: string | null;
}

/** A device that waits to be accepted. */
export interface Enrolment {
  readonly code: string;
  readonly id: string;
  readonly reason: 'unclaimed' | 'approval' | 'clone' | 'taken';
  readonly domain: string | null;
  readonly hardware: string;
  readonly address: string;
  readonly created: string;
  readonly seen: string;
}

export interface Session {
  readonly id: string;
  readonly kind: 'own' | 'device' | 'token';
  readonly device: string | null;
  readonly created: string;
  readonly used: string;
  readonly expires: string;
  readonly address: string;
  readonly agent: string;
  readonly current: boolean;
}

/** What a webhook can be told of. */
export const eventKinds = [
  'device.online',
  'device.offline',
  'device.properties',
  'device.added',
  'device.claimed',
  'device.waiting',
  'device.removed',
  'device.access',
  'user.log-in',
  'webhook.disabled',
  'server.started',
  'events.lost',
] as const;

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  /** `null`: all. */
  readonly kinds: readonly string[] | null;
  /** `null`: everything. */
  readonly domain: string | null;
  readonly enabled: boolean;
  /** Why the server has disabled it. */
  readonly reason: string | null;
  readonly failingSince: string | null;
  readonly waiting: number;
  readonly created: string;
  readonly creator: string;
}

export interface WebhookWithSecret extends Webhook {
  readonly secret: string;
}

/** A message to a webhook. */
export interface Delivery {
  readonly id: string;
  readonly message: string;
  readonly kind: string;
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly created: string;
  readonly next: string | null;
  readonly tried: string | null;
  readonly status: number | null;
  readonly error: string | null;
  /** The first bytes of it. */
  readonly answer: string | null;
  readonly milliseconds: number | null;
}

/** A message of the stream of events. */
export interface Happening {
  readonly cursor: string;
  readonly kind: string;
  readonly time?: string;
  readonly device?: string;
  readonly domain?: string;
  readonly user?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

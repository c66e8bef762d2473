/** What somebody may be allowed to do. */
export const permissions = [
  'devices.open',
  'devices.read',
  'devices.write',
  'devices.create',
  'domains.read',
  'domains.write',
  'users.read',
  'users.write',
  'grants.write',
  'enrolment.write',
  'audit.read',
  'recordings.read',
  'recordings.delete',
  'events.read',
  'webhooks.write',
  'server.read',
] as const;

export type Permission = (typeof permissions)[number];

/** What a permission is asked for: everything there is, a domain with all its devices, or one device. */
export type Target =
  | { readonly kind: 'everything' }
  | { readonly kind: 'domain'; readonly domain: string }
  | {
      readonly kind: 'device';
      readonly device: { readonly id: string; readonly uid: string; readonly domain: string };
    };

/** What a permission holds for: everything (`null`), or these domains and single devices. */
export type Extent = null | {
  readonly domains: readonly string[];
  /** `uid`s. */
  readonly devices: readonly string[];
};

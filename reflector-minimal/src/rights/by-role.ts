import type { DeviceAccess, Rights, Sight } from '../ports/rights.ts';

const everyPort: DeviceAccess = { ports: null, until: Number.POSITIVE_INFINITY };
const everyDevice: Sight = { domains: null, devices: [] };

/** An administrator has every device, a user those of the domains granted. */
export const rightsByRole: Rights = {
  deviceAccess: ({ user }, { domain }) =>
    user.role === 'administrator' || user.domains.includes(domain) ? everyPort : null,
  sight: ({ user }) => (user.role === 'administrator' ? everyDevice : { domains: user.domains, devices: [] }),
  validUntil: () => Number.POSITIVE_INFINITY,
};

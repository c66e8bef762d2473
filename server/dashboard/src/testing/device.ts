import type { ListedDevice } from '../api/types.ts';

/** A device as the API lists it. */
export const device: ListedDevice = {
  id: 'pump-7',
  domain: 'acme',
  name: 'Pump',
  tags: [],
  created: '2026-01-01T00:00:00Z',
  online: false,
  lastSeen: '2026-01-02T00:00:00Z',
  address: null,
  agent: null,
  version: '1',
  ports: [80, 22, 5432],
  httpPort: 80,
  sshPort: 22,
  vncPort: null,
  rdpPort: null,
};

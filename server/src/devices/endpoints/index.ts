import type { Endpoint } from '../../api/endpoint.ts';
import type { DevicesContext } from '../context.ts';
import { changeDevice } from './change-device.ts';
import { createDevice } from './create-device.ts';
import { deleteDevice } from './delete-device.ts';
import { disconnectDevice } from './disconnect-device.ts';
import {
  changeDomain,
  createDomain,
  deleteDomain,
  getDomain,
  getDomainTraffic,
  listDomains,
} from './domains.ts';
import { getDevice } from './get-device.ts';
import { getDeviceTraffic } from './get-device-traffic.ts';
import { listDeviceConnections } from './list-device-connections.ts';
import { listDeviceLog } from './list-device-log.ts';
import { listDeviceUsers } from './list-device-users.ts';
import { listDevices } from './list-devices.ts';
import { listTags } from './list-tags.ts';
import { resetDevicePassword } from './reset-device-password.ts';

/** What the API says of devices and domains. */
export function deviceEndpoints(context: DevicesContext): Endpoint[] {
  return [
    listDevices,
    createDevice,
    getDevice,
    changeDevice,
    deleteDevice,
    resetDevicePassword,
    disconnectDevice,
    listDeviceConnections,
    getDeviceTraffic,
    listDeviceLog,
    listDeviceUsers,
    listTags,
    listDomains,
    createDomain,
    getDomain,
    changeDomain,
    deleteDomain,
    getDomainTraffic,
  ].map((make) => make(context));
}

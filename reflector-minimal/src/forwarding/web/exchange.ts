import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Traffic } from '../../audit/audit.ts';
import type { DevicePort } from '../../device-http/device-port.ts';
import type { ResponseHead } from '../../device-http/response-head.ts';
import type { ServiceSettings } from '../../devices/service-settings.ts';
import type { Origin } from '../../http/origin.ts';
import type { Limits } from '../../limits.ts';
import type { CacheUse } from '../../ports/response-cache.ts';
import type { DeviceSite } from './device-links.ts';

/** One request or upgrade of a user to the web interface of a device. */
export interface DeviceExchange {
  readonly request: IncomingMessage;
  readonly origin: Origin;
  readonly devicePort: DevicePort;
  readonly port: number;
  /** The domain of devices that the device belongs to. */
  readonly ownedBy: string;
  readonly settings: ServiceSettings;
  /** Called with the head of the device's response. */
  readonly answered: (head: Pick<ResponseHead, 'status' | 'headers'>) => void;
  readonly site: DeviceSite;
  /** Each connection to the device belongs to one user. */
  readonly user: string;
  /** `Authorization` that is meant for the device. */
  readonly authorization: string | null;
  /** Who asks, for a device that wants to know: its key and the user's name; `null`: it does not. */
  readonly visitor: string | null;
  /** On a host that devices share. */
  readonly shared: boolean;
  /** Bodies are counted here. */
  readonly traffic: Traffic;
  readonly limits: Limits;
  /** Called with a bug, which costs only this exchange. */
  readonly failed: (error: unknown) => void;
}

/** What a request has beside that, and an upgrade has not. */
export interface RequestParts {
  readonly response: ServerResponse;
  /** The head of the request, as the device gets it. */
  readonly head: readonly string[];
  /** What a cache does with it; `null`: nothing. */
  readonly cached: CacheUse | null;
}

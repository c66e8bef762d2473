import { hostHeader } from 'rm-protocol';
import { type Authorization, refusedReason } from '../account/authorization.ts';
import type { Route } from '../connection/dial.ts';
import { exchange } from '../connection/exchange.ts';
import { proxyFault } from '../connection/proxy-fault.ts';
import { Failure } from '../failure.ts';

/**
 * Asks for the head of a device's first page. Rejects with a {@link Failure} if the reflector does not lead this user there;
 * whatever the device itself answers is good.
 */
export async function checkPage(route: Route, authorization: Authorization, device: string): Promise<void> {
  const { reflector } = route;
  const { status, headers } = await exchange(route, '/', {
    method: 'HEAD',
    headers: {
      Host: hostHeader({ ...reflector, host: `${device}.${reflector.host}` }),
      Authorization: authorization.header,
    },
  });
  const header = (name: string) => (headers[name] === undefined ? undefined : String(headers[name]));
  const fault = header('x-ptth-error') ?? proxyFault(status, header);
  if (status === 401 && fault)
    throw new Failure(`${hostHeader(reflector)}: ${refusedReason(header('x-authenticate'), authorization)}`);
  if (fault) throw new Failure(`${device}: ${fault}`);
}

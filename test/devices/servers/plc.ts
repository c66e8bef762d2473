import type { Device } from '../suite/device.ts';
import { type RawRequest, rawServer } from '../suite/raw-server.ts';
import { type Content, smallAsks, smallSite, written } from '../suite/small-site.ts';

/**
 * A programmable logic controller: the start page leads to the portal by an absolute address and a port, names of fields are
 * in capitals, every answer says where it is by `Content-Location`, and a value is set only with the cookie of a session.
 */
export const device: Device = {
  start: ({ port }) =>
    rawServer(port, async (connection) => {
      for (let request = await connection.request(); request; request = await connection.request())
        connection.write(written(request, answer(request, `http://127.0.0.1:${port}`)));
    }),
  settings: () => ({ headers: 'few' }),
  asks: {
    ...smallAsks,
    page: '/alone',
    others: [
      { method: 'GET', path: '/Portal/Portal.mwsl' },
      { method: 'POST', path: '/CPUCommands', headers: { Cookie: 'siemens_ad_session=7' }, body: 'Run=1' },
      { method: 'GET', path: '/Portal' },
      { method: 'OPTIONS', path: '/' },
    ],
  },
};

function answer(request: RawRequest, own: string): Content {
  const { method, target, headers } = request;
  const site = smallSite(request);
  if (target === '/Portal')
    return {
      ...site,
      status: 301,
      reason: 'Moved Permanently',
      headers: [`LOCATION: ${own}/Portal/Portal.mwsl`],
    };
  if (target === '/Portal/Portal.mwsl')
    return {
      ...smallSite({ ...request, target: '/alone' }),
      headers: [
        `CONTENT-LOCATION: ${own}/Portal/Portal.mwsl`,
        'SET-COOKIE: siemens_ad_session=7; path=/; HttpOnly',
      ],
    };
  if (target === '/CPUCommands' && headers.get('cookie') !== 'siemens_ad_session=7')
    return { ...site, status: 403, reason: 'Forbidden' };
  if (method === 'OPTIONS') return { ...site, status: 501, reason: 'Not Implemented' };
  return site;
}

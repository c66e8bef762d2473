import type { Device } from '../suite/device.ts';
import { program } from '../suite/program.ts';

const call = '{"jsonrpc":"2.0","id":"1","method":"aria2.getVersion"}';

/** aria2's JSON-RPC, by POST and by WebSocket. */
export const device: Device = {
  start: async ({ port, directory }) =>
    program(port, 'aria2c', [
      ...['--enable-rpc', `--rpc-listen-port=${port}`, '--rpc-listen-all=false', '--no-conf'],
      ...['--disable-ipv6', `--dir=${directory}`, '--quiet'],
    ]),
  asks: {
    page: '/jsonrpc?method=aria2.getVersion&id=1',
    withoutChromium: true,
    form: { path: '/jsonrpc', body: call },
    webSocket: { path: '/jsonrpc', send: [call, call] },
  },
};

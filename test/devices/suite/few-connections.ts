import type { Running } from './device.ts';
import { rawServer } from './raw-server.ts';
import { smallSite, written } from './small-site.ts';

/** The usual small device that takes so many connections at once, keeps them open, and resets every other. */
export async function fewConnections(port: number, most: number): Promise<Running> {
  let taken = 0;
  const waiting = new Set<() => void>();
  const server = await rawServer(port, async (connection) => {
    if (taken === most) {
      connection.socket.resetAndDestroy();
      return;
    }
    taken++;
    connection.socket.once('close', () => {
      taken--;
      if (taken === 0) for (const resolve of waiting) resolve();
    });
    for (let request = await connection.request(); request; request = await connection.request())
      connection.write(written(request, smallSite(request)));
  });
  return {
    ...server,
    idle: async () => {
      if (taken > 0) await new Promise<void>((resolve) => waiting.add(resolve));
    },
  };
}

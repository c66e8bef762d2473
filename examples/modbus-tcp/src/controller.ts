import { once } from 'node:events';
import { createServer } from 'node:net';
import { ModbusTCPServer } from 'jsmodbus';

/** What the holding registers of the controller mean, each in tenths. */
export const registers = ['temperature', 'setpoint', 'humidity'] as const;

/** A simulated controller of a building, which speaks Modbus TCP. */
export interface Controller {
  /** Of 127.0.0.1; a real one has 502. */
  readonly port: number;
  close(): void;
}

export async function startController(): Promise<Controller> {
  const holding = Buffer.alloc(2 * registers.length);
  for (const [index, value] of [215, 220, 483].entries()) holding.writeUInt16BE(value, 2 * index);
  const server = createServer();
  new ModbusTCPServer(server, { holding });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { readonly port: number };
  return { port, close: () => server.close() };
}

import { once } from 'node:events';
import { connect } from 'node:net';
import { ModbusTCPClient } from 'jsmodbus';
import { registers } from './controller.ts';

// A program that knows nothing of reflectors: it reads the registers of a controller at the port of 127.0.0.1 that it is told.

const socket = connect(Number(process.argv[2]), '127.0.0.1');
const client = new ModbusTCPClient(socket);
await once(socket, 'connect');
const { response } = await client.readHoldingRegisters(0, registers.length);
for (const [index, name] of registers.entries())
  console.log(`${name} ${((response.body.valuesAsArray[index] ?? 0) / 10).toFixed(1)}`);
socket.end();

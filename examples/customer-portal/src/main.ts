import { once } from 'node:events';
import { interrupted } from 'local-reflector';
import { demoCustomers } from './demo-customers.ts';
import { startDemoFleet } from './demo-fleet.ts';
import { portal } from './portal.ts';

const fleet = await startDemoFleet();
const { customers, passwords } = demoCustomers(fleet);
const server = portal(customers).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as { readonly port: number };
console.log(`\n  Portal    http://localhost:${port}/\n`);
for (const [name, password] of passwords) console.log(`  Customer  ${name}  Password  ${password}`);
console.log('\n  Ctrl-C ends the example.\n');

await interrupted();
server.close();
server.closeAllConnections();
await fleet.close();

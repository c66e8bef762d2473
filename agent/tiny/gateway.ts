import { runGateway } from '../src/gateway/run.ts';
import { loadGatewayImport } from './load-import.ts';
import { native } from './native.ts';

native.scripts.gateway = (host, path) => runGateway(host, path, loadGatewayImport);

import { presenceConformance } from '../ports/conformance/presence.ts';
import type { LocalTunnel } from '../ports/presence.ts';
import { LocalPresence } from './local-presence.ts';

presenceConformance(() => new LocalPresence<LocalTunnel>());

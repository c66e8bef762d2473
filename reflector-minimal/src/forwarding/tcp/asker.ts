import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { boundaryOf } from '../../boundary.ts';
import { responseOn } from '../../http/detached-response.ts';
import { type Refusal, sendRefusal } from '../../http/refusal.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { refusalTo } from '../../refusals/of-denial.ts';
import type { TcpContext } from './target.ts';

/** Who waits for a TCP connection to a device. */
export interface Asker {
  /** Calls `gone` if nobody waits any more. Returns what ends that. */
  watch(gone: () => void): () => void;
  refuse(refusal: Refusal): void;
  /** For a user who has lost access while they waited. */
  readonly withdrawn: Refusal;
  /** A fault of ours. */
  failed(error: unknown): void;
}

/** The sender of an upgrade or a CONNECT. */
export function askerOf(context: TcpContext, request: IncomingMessage, socket: Duplex): Asker {
  const byProxy = request.method === 'CONNECT';
  return {
    watch(gone) {
      socket.on('error', () => {});
      socket.once('close', gone);
      return () => socket.off('close', gone);
    },
    refuse(refusal) {
      sendRefusal(request, responseOn(request, socket, context), refusal);
    },
    get withdrawn() {
      return byProxy ? refusals.proxyLogIn : refusalTo(request, { denied: 'refused' });
    },
    failed(error) {
      boundaryOf(socket)?.crossed(error);
    },
  };
}

import type { Dial } from '../../dial/dial-service.ts';
import type { Cancellable, Host, Socket } from '../../host.ts';
import type { Boundary } from './boundary.ts';
import { type BodyBound, HttpConnection, type PageRequest, type PageResponse } from './http-connection.ts';
import { pageLimits } from './limits.ts';

type Answer = (request: PageRequest, respond: (response: PageResponse) => void) => void;

/** The most that one call of `data` brings, in bytes: what a frame holds. */
const PIECE = 16_384;

/**
 * Serves HTTP inside this process to the channels of a tunnel, without a listener and without a socket. Everything is bounded: the
 * connections, and what waits for a channel by the responses, of which a connection has one at a time.
 */
export function serveInProcess(
  { clock }: Pick<Host, 'clock'>,
  boundary: Boundary,
  bound: BodyBound,
  answer: Answer,
): Dial {
  let connections = 0;
  return (handler) => {
    let open = true;
    let paused = false;
    let ended = false;
    let halves = 2;
    const waiting: Uint8Array[] = [];
    let counted = false;
    let linger: Cancellable | null = null;
    const leave = () => {
      open = false;
      linger?.cancel();
      if (counted) connections--;
      counted = false;
    };
    const half = () => {
      halves--;
      if (halves > 0 || !open) return;
      leave();
      handler.closed(null);
    };
    /** From the end of ours on: a visitor who neither reads nor closes keeps no place. */
    const lingerOn = () => {
      linger?.cancel();
      linger = clock.schedule(pageLimits.lingerMs, () => {
        if (!open) return;
        leave();
        handler.closed({ code: 'timed-out', message: 'the visitor does not close the connection' });
      });
    };
    const fail = () => {
      if (!open) return;
      leave();
      handler.closed({ code: 'other', message: 'the page has failed' });
    };
    /** Never from within a call of the channel. */
    const later = (run: () => void) => {
      clock.schedule(0, () => open && boundary.run(fail, run));
    };
    let flushing = false;
    const flush = () => {
      if (flushing) return;
      flushing = true;
      later(() => {
        flushing = false;
        while (!paused) {
          const bytes = waiting.shift();
          if (!bytes) break;
          handler.data(bytes, 0, bytes.length);
          if (!open) return;
          if (linger) lingerOn();
        }
        if (waiting.length === 0 && ended && !paused) {
          ended = false;
          handler.ended();
          half();
        }
      });
    };
    later(() => {
      if (connections >= pageLimits.connections) {
        open = false;
        handler.closed({ code: 'refused', message: 'the page has too many connections' });
        return;
      }
      connections++;
      counted = true;
      const http = new HttpConnection(
        clock,
        {
          send: (bytes) => {
            for (let at = 0; at < bytes.length; at += PIECE) waiting.push(bytes.subarray(at, at + PIECE));
            flush();
          },
          end: () => {
            ended = true;
            flush();
            lingerOn();
          },
        },
        bound,
        answer,
      );
      let remoteEnded = false;
      const socket: Socket = {
        write: (bytes, start = 0, end = bytes.length) => {
          const copy = bytes.slice(start, end);
          later(() => {
            handler.taken(copy.length);
            if (!open) return;
            // A request before the answer to the one before has left: what waits would have no bound.
            if (waiting.length > 0) http.close();
            else http.receive(copy, 0, copy.length);
          });
          return true;
        },
        end: () => {
          if (remoteEnded) return;
          remoteEnded = true;
          later(() => {
            http.remoteEnded();
            half();
          });
        },
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
          if (waiting.length > 0 || ended) flush();
        },
        destroy: () => {
          leave();
          http.close();
        },
        startTls: () => undefined,
      };
      handler.connected(socket);
    });
    return {
      cancel: () => {
        if (!counted) open = false;
      },
    };
  };
}

import { ClosedEarly, NoAnswer, NoConnection } from '../device-http/call-failure.ts';
import { InvalidAnswer } from '../device-http/invalid-answer.ts';
import type { Refusal } from '../http/refusal.ts';
import {
  ChannelError,
  ChannelFailure,
  TunnelFull,
  TunnelLost,
  TunnelUnreachable,
} from '../ports/channel-failure.ts';
import { refusals, retry } from './catalogue.ts';

/** The refusal for a channel or request that failed. */
export function refusalFor(error: unknown, port: number): Refusal {
  if (error instanceof InvalidAnswer) return refusals.invalidAnswer(error.message);
  if (error instanceof NoAnswer) return refusals.noAnswer;
  if (error instanceof NoConnection) return refusals.inUse;
  if (error instanceof ClosedEarly) return refusals.closedEarly;
  if (error instanceof TunnelUnreachable) return { ...refusals.gone, status: 503, headers: retry };
  if (error instanceof TunnelLost) return refusals.gone;
  if (error instanceof TunnelFull) {
    return { key: 'tunnelFull', status: 503, error: 'Too many connections to this device', headers: retry };
  }
  if (error instanceof ChannelFailure && error.stage === 'opening') {
    if (error.error === ChannelError.timeout) return refusals.noAnswer;
    if (error.error === ChannelError.notForwarded) return refusals.notForwarded(port);
    if (error.error === ChannelError.refused) {
      return {
        key: 'nothingAnswers',
        values: { port },
        status: 502,
        error: `Nothing answers on port ${port} of the device`,
        advice:
          'The device is on line, but the service behind this port does not run, or somebody there has refused the access.',
      };
    }
  }
  if (error instanceof ChannelFailure && error.error === ChannelError.timeout) return refusals.noAnswer;
  return {
    key: 'serviceFailed',
    status: 502,
    error: 'The connection to the service on the device has failed',
    advice: 'The device is on line, but its service gave no valid answer. Try again.',
  };
}

import { Agent, type AgentConfiguration, httpHandler } from 'rm-agent';
import type { Display } from './display.ts';

const names: Readonly<Record<number, string>> = { 80: 'the web interface', 22: 'a shell' };

/** An agent that lets support in only when the person at the display agrees. */
export function supportedDevice(
  { reflector, device }: Pick<AgentConfiguration, 'reflector' | 'device'>,
  display: Display,
): Agent {
  return new Agent(
    {
      reflector,
      device,
      services: [
        {
          port: 80,
          kind: 'http',
          handler: httpHandler((_request, response) => void response.end('You are on the device.\n')),
        },
      ],
      // A question waits for a minute. What is allowed lasts until nothing has been open for five minutes.
      access: { mode: 'consent', askTimeout: '1m', idle: '5m', pause: 0 },
    },
    {
      access: ({ port, signal }) =>
        display.confirm(`Support asks for ${names[port] ?? `port ${port}`}. Let them in?`, signal),
    },
  );
}

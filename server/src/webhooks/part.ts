import { ConfigurationError } from 'rm-reflector/program';
import type { Part } from '../part.ts';
import { Destinations } from './destinations.ts';
import { Dispatcher } from './dispatcher.ts';
import { webhookEndpoints } from './endpoints.ts';
import { Outbox } from './outbox.ts';
import { post } from './post.ts';
import { targetOf, Webhooks, webhookPermissions } from './webhooks.ts';

/** Posts what happens to those who have asked for it. */
export const webhooksPart: Part = {
  check({ configuration, file }) {
    try {
      new Destinations(configuration.webhooks?.allow ?? []);
    } catch (error) {
      throw new ConfigurationError(`${file ?? 'configuration'}: webhooks.allow: ${(error as Error).message}`);
    }
  },
  run({ database, eventLog, rights, clock, log, limits, configuration, queues, leads }) {
    const destinations = new Destinations(configuration.webhooks?.allow ?? []);
    const webhooks = new Webhooks(database, eventLog, clock, limits);
    const outbox = new Outbox(database, clock, limits, Math.random);
    const dispatcher = new Dispatcher({
      database,
      eventLog,
      webhooks,
      outbox,
      clock,
      log,
      limits,
      random: Math.random,
      leads,
      mayHave: async (webhook) => {
        const held = await rights.ofMaker(webhook.creator, webhook.creatorUid);
        return held !== null && webhookPermissions.every((one) => held.may(one, targetOf(webhook)));
      },
      post: (posting, signal) => post({ clock, limits, destinations }, posting, signal),
    });
    queues.set('webhook_posts', () => dispatcher.underWay);
    let ended: Promise<void> | undefined;
    return {
      endpoints: webhookEndpoints({ database, webhooks, outbox, dispatcher, limits }),
      start() {
        ended = dispatcher.run();
      },
      async stop() {
        dispatcher.stop();
        await ended;
      },
    };
  },
};

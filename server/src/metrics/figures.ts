import type { Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { AuditRecord } from 'rm-reflector/ports';
import { StoreUnavailable } from 'rm-reflector/ports';
import type { Core } from '../part.ts';
import { watchAnswers } from './http-requests.ts';
import { TunnelTraffic } from './tunnel-traffic.ts';

type FiguresContext = Pick<
  Core,
  'cache' | 'database' | 'store' | 'presence' | 'events' | 'queues' | 'clock' | 'limits' | 'settings'
>;

interface Counted {
  readonly state: string;
  readonly n: number;
}

/** Records of the audit log that are counted, by their name; sums of them have an `s` at its end. */
const counted: Readonly<Record<string, 'logIns' | 'deviceConnections' | 'access'>> = {
  'log-in': 'logIns',
  'log-ins': 'logIns',
  'device-tunnel': 'deviceConnections',
  'device-tunnels': 'deviceConnections',
  'client-tunnel': 'access',
  'client-tunnels': 'access',
  upgrade: 'access',
  upgrades: 'access',
};

/** What the server tells of itself to Prometheus. No label names a device or a user: there may be many. */
export class Figures {
  readonly #registry = new Registry();
  readonly #context: FiguresContext;
  readonly #traffic: TunnelTraffic;
  readonly #closers: (() => void)[] = [];
  #devices: { readonly at: number; readonly rows: readonly Counted[] } | null = null;
  #reading: Promise<string> | null = null;

  /** `except`: a server whose answers do not count. */
  constructor(context: FiguresContext, version: string, except: (server: Server) => boolean) {
    this.#context = context;
    this.#traffic = new TunnelTraffic(context.presence);
    this.#closers.push(() => this.#traffic.stop());
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#gauges(registers, version);
    const requests = new Counter({
      name: 'rm_http_requests_total',
      help: 'Requests answered, by host (own: pages and API of the server; device: of devices) and class of status.',
      labelNames: ['host', 'status'],
      registers,
    });
    const outcomes = (name: string, help: string) =>
      new Counter({ name, help, labelNames: ['outcome'], registers });
    const decisions = {
      logIns: outcomes('rm_log_ins_total', 'Log-ins of users, by outcome.'),
      deviceConnections: outcomes('rm_device_connections_total', 'Devices that have connected, by outcome.'),
      access: outcomes('rm_connections_total', 'WebSockets and TCP connections of users, by outcome.'),
    };
    // What never happens is 0, not missing.
    for (const counter of Object.values(decisions)) {
      for (const outcome of ['allowed', 'refused']) counter.inc({ outcome }, 0);
    }
    for (const host of ['own', 'device']) {
      for (const status of ['2xx', '3xx', '4xx', '5xx']) requests.inc({ host, status }, 0);
    }
    const told = (host: string, status: string) => requests.inc({ host, status });
    const { domain = 'localhost', cookieHost = null } = context.settings;
    this.#closers.push(watchAnswers({ domain, cookieHost }, except, told));
    const lost = new Counter({
      name: 'rm_audit_records_uncounted_total',
      help: 'Records of the audit log that came too quickly to be counted here.',
      registers,
    });
    const subscription = context.events.subscribe();
    this.#closers.push(() => subscription.close());
    const count = async () => {
      for await (const event of subscription) {
        if (event.kind === 'lost') lost.inc(event.count);
        if (event.kind === 'audit') note(event.record);
      }
    };
    const note = ({ event, allowed, times = 1 }: AuditRecord) => {
      const kind = counted[event];
      if (kind) decisions[kind].inc({ outcome: allowed ? 'allowed' : 'refused' }, times);
    };
    // It ends with the subscription, and does nothing that could fail.
    void count();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the text format of Prometheus. Those who ask at once are answered at once. */
  text(): Promise<string> {
    this.#reading ??= this.#registry.metrics().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  stop(): void {
    for (const close of this.#closers.splice(0)) close();
    this.#registry.clear();
  }

  #gauges(registers: Registry[], version: string): void {
    const { presence, store, queues, database } = this.#context;
    const devices = () => this.#countDevices();
    const traffic = this.#traffic;
    const gauge = (
      name: string,
      help: string,
      collect: (this: Gauge) => void | Promise<void>,
      labels: string[] = [],
    ) => new Gauge({ name, help, labelNames: labels, registers, collect });
    gauge(
      'rm_build_info',
      'The version of the server.',
      function () {
        this.set({ version }, 1);
      },
      ['version'],
    );
    gauge(
      'rm_devices',
      'Devices in the store: claimed, or waiting to be.',
      async function () {
        for (const { state, n } of await devices()) this.set({ state }, n);
      },
      ['state'],
    );
    gauge('rm_tunnels', 'Devices on line at this server.', function () {
      this.set(presence.local.size);
    });
    gauge('rm_channels', 'Connections through tunnels.', function () {
      let channels = 0;
      for (const { tunnel } of presence.local.values()) channels += tunnel.channels;
      this.set(channels);
    });
    new Counter({
      name: 'rm_tunnel_bytes_total',
      help: 'Payload bytes of all tunnels: from devices, and to them.',
      labelNames: ['direction'],
      registers,
      collect() {
        const { from, to } = traffic.total;
        this.reset();
        this.inc({ direction: 'from' }, from);
        this.inc({ direction: 'to' }, to);
      },
    });
    const { cache } = this.#context;
    gauge(
      'rm_cache_bytes',
      'Memory of the cache of images and style sheets: used, and at most.',
      function () {
        this.set({ kind: 'used' }, cache.used);
        this.set({ kind: 'most' }, cache.bytes);
      },
      ['kind'],
    );
    gauge('rm_cache_answers', 'Answers that the cache keeps.', function () {
      this.set(cache.kept);
    });
    const counter = (name: string, help: string, labels: string[], collect: (this: Counter) => void) =>
      new Counter({
        name,
        help,
        labelNames: labels,
        registers,
        collect() {
          this.reset();
          collect.call(this);
        },
      });
    counter(
      'rm_cache_requests_total',
      'Requests that the cache has looked at: answered by it (hit), by it after the device has said that it still holds (revalidated), by the device (miss).',
      ['outcome'],
      function () {
        const { hits, revalidated, misses } = cache.figures;
        this.inc({ outcome: 'hit' }, hits);
        this.inc({ outcome: 'revalidated' }, revalidated);
        this.inc({ outcome: 'miss' }, misses);
      },
    );
    counter('rm_cache_saved_bytes_total', 'Bytes that users got and devices did not send.', [], function () {
      this.inc(cache.figures.savedBytes);
    });
    gauge('rm_store_up', '1: the data file can be used.', async function () {
      this.set(
        await store.check().then(
          () => 1,
          () => 0,
        ),
      );
    });
    gauge(
      'rm_queue_length',
      'What waits in the server.',
      async function () {
        for (const [queue, length] of queues) this.set({ queue }, length());
        const [row] = await unlessAway(
          database.read<{ n: number }>("SELECT count(*) AS n FROM fleet_deliveries WHERE state = 'waiting'"),
        );
        if (row) this.set({ queue: 'webhooks' }, row.n);
      },
      ['queue'],
    );
    gauge(
      'rm_webhooks',
      'Webhooks: enabled, failing (and enabled), disabled.',
      async function () {
        for (const state of ['enabled', 'failing', 'disabled']) this.set({ state }, 0);
        const rows = await unlessAway(
          database.read<Counted>(
            `SELECT CASE WHEN enabled = 0 THEN 'disabled' WHEN failing_since IS NULL THEN 'enabled' ELSE 'failing' END AS state,
           count(*) AS n FROM fleet_webhooks GROUP BY 1`,
          ),
        );
        for (const { state, n } of rows) this.set({ state }, n);
      },
      ['state'],
    );
  }

  /** Counting reads an index of all devices: not each time. */
  async #countDevices(): Promise<readonly Counted[]> {
    const { clock, database, limits } = this.#context;
    if (this.#devices && clock.now() - this.#devices.at < limits.metricsDevicesMs) return this.#devices.rows;
    const { is } = database.dialect;
    const rows = await unlessAway(
      database.read<Counted>(
        `SELECT 'claimed' AS state, count(*) AS n FROM devices WHERE ${is('claimed', true)}
       UNION ALL SELECT 'unclaimed', count(*) FROM devices WHERE ${is('claimed', false)}`,
      ),
    );
    this.#devices = { at: clock.now(), rows };
    return rows;
  }
}

/** Figures are wanted most when something is broken. */
async function unlessAway<Row>(rows: Promise<Row[]>): Promise<Row[]> {
  try {
    return await rows;
  } catch (error) {
    if (error instanceof StoreUnavailable) return [];
    throw error;
  }
}

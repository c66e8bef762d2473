import { ProxyProcess } from '../proxies/proxy-process.ts';
import { reservedPort } from '../system/loopback-port.ts';

/** Debian's mosquitto: a port for plain MQTT without a password, and others that a test adds. */
export class Mosquitto extends ProxyProcess {
  readonly port: number;
  #arguments: readonly string[] = [];

  private constructor(port: number) {
    super();
    this.port = port;
  }

  /** `more` are lines of its configuration, for further listeners; the files that they name are made by {@link file}. */
  static async run(more: (broker: Mosquitto) => readonly string[] = () => []): Promise<Mosquitto> {
    const broker = new Mosquitto(await reservedPort());
    const lines = [
      'per_listener_settings true',
      `listener ${broker.port} 127.0.0.1`,
      'allow_anonymous true',
      ...more(broker),
    ];
    broker.#arguments = ['-c', broker.file('mosquitto.conf', `${lines.join('\n')}\n`)];
    broker.belongsTo('mosquitto');
    await broker.restart();
    return broker;
  }

  get uri(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Starts it once more on its port, after {@link end}. It has forgotten everything. */
  async restart(): Promise<void> {
    await this.start(this.port, '/usr/sbin/mosquitto', this.#arguments);
  }
}

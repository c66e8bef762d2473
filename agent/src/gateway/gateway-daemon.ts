import type { Cancellable, Host, Listener } from '../host.ts';
import { type FoldingLog, openLog } from '../log/log.ts';
import { type ControlledAgent, serveControl } from '../program/control.ts';
import { watchFolder } from './folder-watch.ts';
import { Gateway } from './gateway.ts';
import { type GatewaySettings, readGatewayFile } from './gateway-file.ts';
import type { LoadGatewayImport } from './import-folder.ts';
import type { LanListener } from './page/lan.ts';
import { Page } from './page/page.ts';
import { plainHttp } from './page/plain-http.ts';

/** `rm-agent run` of a gateway: the devices, the watch of their folder, the control socket and signals. */
export class GatewayDaemon implements ControlledAgent {
  readonly #host: Host;
  readonly #loadImport: LoadGatewayImport;
  #log!: FoldingLog;
  #gateway!: Gateway;
  #page: Page | null = null;
  #listener: Listener | null = null;
  /** Of the page, on the network of the gateway. */
  #lan: LanListener | null = null;
  #watch: Cancellable | null = null;
  #replacing = false;
  #stopping = false;

  constructor(host: Host, settings: GatewaySettings, loadImport: LoadGatewayImport) {
    this.#host = host;
    this.#loadImport = loadImport;
    this.#begin(settings);
  }

  /**
   * Reads all configuration again, and dials for each device that waits. What devices share has changed: all of them begin
   * anew. A file that is wrong changes nothing.
   */
  reload(): void {
    if (this.#stopping || this.#replacing) return;
    this.#host.system.notify('RELOADING=1');
    const { settings } = this.#gateway;
    const read = readGatewayFile(this.#host, settings.path);
    if ('errors' in read) {
      const [first = '', ...more] = read.errors;
      const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
      this.#log.error(`the configuration stays as it was: ${first}${rest}`);
    } else if (sharedPart(read) !== sharedPart(settings)) {
      this.#replace(read);
      return;
    } else {
      this.#gateway.settings = read;
      this.#gateway.refresh(true);
    }
    this.#gateway.retry();
    this.#host.system.notify('READY=1');
  }

  /** Ends all in order, and the process with status 0. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#host.system.notify('STOPPING=1');
    if (!this.#replacing) this.#end(() => this.#exit());
  }

  status(): object {
    const code = this.#page?.account.setUpCode ?? null;
    const place = this.#gateway.settings.file.gateway.page?.listen ?? null;
    return {
      ...this.#gateway.status(),
      ...(this.#lan && place
        ? { pageListen: { address: place.address, port: place.port, fault: this.#lan.fault } }
        : {}),
      ...(code === null ? {} : { pageCode: code }),
    };
  }

  retry(): void {
    this.#gateway.retry();
  }

  enable(enabled: boolean, persist: boolean): string | null {
    return this.#gateway.enable(enabled, persist);
  }

  consent(allow: boolean, port: number | null): boolean {
    return this.#gateway.consent(allow, port);
  }

  device(id: string): ControlledAgent | null {
    return this.#gateway.device(id);
  }

  // ---- inside ----

  #begin(settings: GatewaySettings): void {
    const { file } = settings;
    this.#log = openLog(this.#host, file.log);
    this.#gateway = new Gateway(this.#host, settings, this.#log);
    this.#page =
      file.gateway.page && file.stateFile
        ? new Page(
            this.#host,
            this.#gateway,
            this.#log,
            `${file.stateFile}-page`,
            this.#loadImport,
            file.gateway.page.users,
          )
        : null;
    this.#gateway.page = this.#page;
    const place = file.gateway.page?.listen ?? null;
    if (this.#page && place) {
      const { address, port } = place;
      this.#log.warning(`gateway.page.listen: ${plainHttp(place)}`);
      this.#lan = this.#page.listen(place, (reason) =>
        this.#log.error(`gateway.page.listen: ${address} port ${port}: ${reason}; it is tried again`),
      );
    }
    if (this.#page && this.#page.account.setUpCode !== null)
      this.#log.warning('gateway.page: no password yet; "rm-agent status" shows the code that sets it');
    this.#gateway.refresh();
    const { folder } = file.gateway;
    if (folder !== null)
      this.#watch = watchFolder(
        this.#host,
        folder,
        () => this.#gateway.refresh(),
        ({ message }) =>
          this.#log.error(`gateway.folder: ${folder}: ${message}; its changes count after SIGHUP only`),
      );
    const { control } = file;
    if (control !== null)
      this.#listener = serveControl(this.#host, control, this, ({ message }) =>
        this.#log.warning(`control: ${control}: ${message}; "rm-agent status" cannot reach this gateway`),
      );
  }

  #end(done: () => void): void {
    this.#watch?.cancel();
    this.#watch = null;
    this.#listener?.close();
    this.#listener = null;
    this.#lan?.close();
    this.#lan = null;
    this.#gateway.stop(() => {
      this.#log.flush();
      done();
    });
  }

  #replace(settings: GatewaySettings): void {
    this.#log.info('the configuration of the gateway has changed');
    this.#replacing = true;
    this.#end(() => {
      this.#replacing = false;
      if (this.#stopping) {
        this.#exit();
        return;
      }
      this.#begin(settings);
      this.#host.system.notify('READY=1');
    });
  }

  #exit(): void {
    this.#host.system.exit(0);
  }
}

/** What concerns all devices. */
function sharedPart({ shared, file, page }: GatewaySettings): string {
  return JSON.stringify([shared, file, page]);
}

/** A device as a customer sees it. */
export interface CustomerDevice {
  readonly id: string;
  readonly name: string | null;
  readonly online: boolean;
}

/** What an API key of `rm-server` may do. The key stays in this process. */
export class Fleet {
  readonly #server: URL;
  readonly #key: string;

  constructor(server: URL, key: string) {
    this.#server = server;
    this.#key = key;
  }

  /** All devices that the key may see, page by page. */
  async devices(): Promise<readonly CustomerDevice[]> {
    const devices: CustomerDevice[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path = `/my-devices/api/devices?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
      const response = await fetch(new URL(path, this.#server), {
        headers: { authorization: this.authorization },
      });
      if (!response.ok) throw new Error(`rm-server answers ${response.status}`);
      const page = (await response.json()) as { items: CustomerDevice[]; next: string | null };
      devices.push(...page.items);
      cursor = page.next;
    }
    return devices;
  }

  /** Where the web interface of a device is, with what a request to it needs. */
  interfaceOf(device: string) {
    const { hostname, port } = this.#server;
    return { hostname, port, host: `${device}.${this.#server.host}`, authorization: this.authorization };
  }

  private get authorization(): string {
    return `Bearer ${this.#key}`;
  }
}

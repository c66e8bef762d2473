import type { SshDataWriter } from '@microsoft/dev-tunnels-ssh/io/sshData.js';
import { ChannelRequestMessage } from '@microsoft/dev-tunnels-ssh/messages/connectionMessages.js';

/** The size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

function writeSize(writer: SshDataWriter, { columns, rows }: TerminalSize): void {
  writer.writeUInt32(columns);
  writer.writeUInt32(rows);
  // Of pixels nothing is known.
  writer.writeUInt32(0);
  writer.writeUInt32(0);
}

/** `pty-req`: RFC 4254 section 6.2. */
export class TerminalRequest extends ChannelRequestMessage {
  readonly #size: TerminalSize;

  constructor(size: TerminalSize) {
    super('pty-req', true);
    this.#size = size;
  }

  protected override onWrite(writer: SshDataWriter): void {
    super.onWrite(writer);
    writer.writeString('xterm-256color', 'ascii');
    writeSize(writer, this.#size);
    // No modes: the server knows what is usual.
    writer.writeString('\0', 'ascii');
  }
}

/** `window-change`: RFC 4254 section 6.7. */
export class ResizeRequest extends ChannelRequestMessage {
  readonly #size: TerminalSize;

  constructor(size: TerminalSize) {
    super('window-change', false);
    this.#size = size;
  }

  protected override onWrite(writer: SshDataWriter): void {
    super.onWrite(writer);
    writeSize(writer, this.#size);
  }
}

/** `subsystem`: RFC 4254 section 6.5. */
export class SubsystemRequest extends ChannelRequestMessage {
  readonly #name: string;

  constructor(name: string) {
    super('subsystem', true);
    this.#name = name;
  }

  protected override onWrite(writer: SshDataWriter): void {
    super.onWrite(writer);
    writer.writeString(this.#name, 'ascii');
  }
}

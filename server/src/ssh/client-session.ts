import type { SshDataWriter } from '@microsoft/dev-tunnels-ssh/io/sshData.js';
import { AuthenticationRequestMessage } from '@microsoft/dev-tunnels-ssh/messages/authenticationMessages.js';
import {
  ChannelDataMessage,
  ChannelFailureMessage,
  ChannelRequestMessage,
  ChannelRequestType,
} from '@microsoft/dev-tunnels-ssh/messages/connectionMessages.js';
import { KeyExchangeInitMessage, NewKeysMessage } from '@microsoft/dev-tunnels-ssh/messages/kexMessages.js';
import type { SshMessage } from '@microsoft/dev-tunnels-ssh/messages/sshMessage.js';
import { SshDisconnectReason } from '@microsoft/dev-tunnels-ssh/messages/transportMessages.js';
import { SshClientSession } from '@microsoft/dev-tunnels-ssh/sshClientSession.js';
import { limits } from './limits.ts';

/** `keyboard-interactive`: RFC 4256 section 3.1, whole. The library leaves its last two strings out, and OpenSSH ends the connection. */
class InteractiveRequest extends AuthenticationRequestMessage {
  static of({ username, serviceName, methodName }: AuthenticationRequestMessage): InteractiveRequest {
    return Object.assign(new InteractiveRequest(), { username, serviceName, methodName });
  }

  protected override onWrite(writer: SshDataWriter): void {
    super.onWrite(writer);
    // Language and kinds of questions: whatever the server likes.
    writer.writeString('', 'utf8');
    writer.writeString('', 'utf8');
  }
}

/** Messages of log-in and of channels have greater numbers (RFC 4250 section 4.1.1); they wait while keys are exchanged. */
const lastOfKeyExchange = 49;

/** What the library itself takes from a request; it answers neither (RFC 4254 section 6.10). */
const endings: ReadonlySet<string | undefined> = new Set([
  ChannelRequestType.exitStatus,
  ChannelRequestType.exitSignal,
]);

/** A session whose requests real servers understand, and that goes on where the library does not. */
export class ClientSession extends SshClientSession {
  /** Of messages that wait until keys are exchanged, each with `unsentPieceBytes`. */
  #heldBytes = 0;

  override async sendMessage(...[message, stop]: Parameters<SshClientSession['sendMessage']>): Promise<void> {
    if (this.kexService?.exchanging && message.messageType > lastOfKeyExchange) {
      const data = message instanceof ChannelDataMessage ? (message.data?.length ?? 0) : 0;
      this.#heldBytes += data + limits.unsentPieceBytes;
      // A server that never ends the exchange would fill memory.
      if (this.#heldBytes > limits.unsentBytes)
        return this.close(SshDisconnectReason.protocolError, 'The key exchange does not end.');
    }
    const isShort =
      message instanceof AuthenticationRequestMessage &&
      !(message instanceof InteractiveRequest) &&
      String(message.methodName) === 'keyboard-interactive';
    return super.sendMessage(isShort ? InteractiveRequest.of(message) : message, stop);
  }

  protected override async handleMessage(
    ...[message, stop]: Parameters<SshClientSession['handleMessage']>
  ): Promise<void> {
    if (message instanceof KeyExchangeInitMessage) await this.#joinKeyExchange();
    const failure = this.#failureOf(message);
    if (failure === 'none') return;
    if (failure) return this.sendMessage(failure, stop);
    await super.handleMessage(message, stop);
    if (message instanceof NewKeysMessage) this.#heldBytes = 0;
  }

  /** Either side may begin an exchange at any time (RFC 4253 section 9); the library only knows those that it has begun itself. */
  async #joinKeyExchange(): Promise<void> {
    if (!this.kexService || this.kexService.exchanging) return;
    const [ours] = await this.kexService.startKeyExchange(false);
    await this.sendMessage(ours);
  }

  /**
   * The answer to a request on a channel that means nothing here, such as `keepalive@openssh.com`; `none`: it wants none. The library
   * answers only when all that was to be sent has gone, and takes no message before, not even that which lets it go.
   */
  #failureOf(message: SshMessage): ChannelFailureMessage | 'none' | null {
    if (!(message instanceof ChannelRequestMessage) || endings.has(message.requestType)) return null;
    const channel = this.channels.find(({ channelId }) => channelId === message.recipientChannel);
    if (!channel || !message.wantReply) return 'none';
    const failure = new ChannelFailureMessage();
    failure.recipientChannel = channel.remoteChannelId;
    return failure;
  }
}

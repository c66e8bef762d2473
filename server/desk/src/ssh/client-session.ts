import type { SshDataWriter } from '@microsoft/dev-tunnels-ssh/io/sshData.js';
import { AuthenticationRequestMessage } from '@microsoft/dev-tunnels-ssh/messages/authenticationMessages.js';
import { SshClientSession } from '@microsoft/dev-tunnels-ssh/sshClientSession.js';

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

/** A session whose requests real servers understand. */
export class ClientSession extends SshClientSession {
  override sendMessage(...[message, stop]: Parameters<SshClientSession['sendMessage']>): Promise<void> {
    const isShort =
      message instanceof AuthenticationRequestMessage &&
      !(message instanceof InteractiveRequest) &&
      String(message.methodName) === 'keyboard-interactive';
    return super.sendMessage(isShort ? InteractiveRequest.of(message) : message, stop);
  }
}

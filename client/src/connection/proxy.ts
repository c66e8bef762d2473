import { bypasses, type Credentials, encodeBasic, type HttpUri, parseHttpUri } from 'rm-protocol';
import { ExitStatus, Failure } from '../failure.ts';

/** An HTTP proxy that opens a tunnel on CONNECT (RFC 9110 section 9.3.6). */
export interface HttpProxy {
  readonly uri: HttpUri;
  /** Value of `Proxy-Authorization`. */
  readonly authorization: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy on the way to `target`, or `null`. `option` is the value of `--proxy` (`none`: no proxy at all); without it
 * the variables decide, as with curl: `https_proxy` or `http_proxy` by the scheme, `no_proxy` for exceptions.
 * Throws a {@link Failure} if the value is not the address of a proxy.
 */
export function chooseProxy(
  target: HttpUri,
  option: string | undefined,
  environment: Environment,
): HttpProxy | null {
  if (option !== undefined) {
    if (option === 'none') return null;
    const proxy = readProxy(option, '--proxy');
    if (proxy.authorization !== null) {
      throw new Failure(
        '--proxy: a password does not belong on the command line; put the URL into the variable https_proxy',
        ExitStatus.usage,
      );
    }
    return proxy;
  }
  // HTTP_PROXY in capitals could come from the header `Proxy` of a request to a CGI script; so no program uses it.
  const names = target.secure ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy'];
  const name = names.find((candidate) => environment[candidate]);
  const noProxy = environment.no_proxy ?? environment.NO_PROXY ?? '';
  if (name === undefined || bypasses(noProxy, target.host, target.port)) return null;
  return readProxy(environment[name] ?? '', name);
}

function readProxy(text: string, from: string): HttpProxy {
  const url = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const match = /^(https?:\/\/)(?:([^/?#]*)@)?([^/?#@]+)\/?$/i.exec(url);
  const uri = match && parseHttpUri(`${match[1]}${match[3]}`);
  // The value may contain a password, so the message does not repeat it.
  if (!match || !uri) throw new Failure(`${from}: must be http://HOST:PORT of a proxy`, ExitStatus.usage);
  return { uri, authorization: match[2] === undefined ? null : encodeBasic(decodeUser(match[2], from)) };
}

function decodeUser(text: string, from: string): Credentials {
  const colon = text.indexOf(':');
  try {
    return {
      user: decodeURIComponent(colon < 0 ? text : text.slice(0, colon)),
      password: colon < 0 ? '' : decodeURIComponent(text.slice(colon + 1)),
    };
  } catch {
    throw new Failure(`${from}: user and password must be percent-encoded`, ExitStatus.usage);
  }
}

import { type LinkState, transitions } from '../src/link/states.ts';
import { LINK_ADDRESS, LinkStage, type LinkStageOptions } from './link-stage.ts';

const PROXY = { scheme: 'http', host: LINK_ADDRESS, port: 80, credentials: null } as const;
export const states = Object.keys(transitions) as LinkState[];

/** What it takes for a link to come by a state that not every link has. */
const ways: { readonly [State in LinkState]?: LinkStageOptions } = {
  tls: { uri: 'https://r.example/' },
  proxy: { dial: { proxiesFor: () => [PROXY] } },
};

/** A link that has just entered this state. */
export function stageIn(state: LinkState): LinkStage {
  const stage = new LinkStage(ways[state]);
  stage.reflector.answer = ({ method }) => (method === 'CONNECT' ? 'HTTP/1.1 200 x\r\n\r\n' : 'accept');
  if (state === 'idle') return stage;
  if (state === 'disabled') stage.link.disable('by hand');
  else if (state === 'closing') {
    stage.live();
    stage.reflector.last.ended = () => undefined;
    stage.reflector.peer.closeTunnel();
  } else {
    if (state === 'waiting') stage.host.network.endpoints.clear();
    stage.link.start();
  }
  stage.until(state);
  return stage;
}

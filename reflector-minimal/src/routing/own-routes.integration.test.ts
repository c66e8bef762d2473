import { request } from 'node:http';
import { routesConformance } from '../ports/conformance/routes.ts';
import { BrowserSession } from '../testing/browser-session.ts';
import { authorization, Stage } from '../testing/stage.ts';

const formBytes = 32;

routesConformance(async (routes) => {
  const stage = await Stage.open({ routes, limits: { formBytes, exchangesPerUser: 2 } });
  const { port } = stage;
  const session = await BrowserSession.open(stage);
  return {
    program: { Authorization: authorization },
    browser: { Cookie: session.ownCookie },
    origin: 'http://localhost',
    devicePage: 'http://dev1.localhost',
    formBytes,
    concurrency: 2,
    close: () => stage.close(),
    ask: (method, path, headers = {}, body = '') =>
      new Promise((resolve, reject) => {
        const { Host = 'localhost', ...others } = headers;
        const length = body === '' ? {} : { 'Content-Length': body.length };
        const lines = { ...(Host === '' ? {} : { Host }), ...others, ...length };
        const options = {
          host: '127.0.0.1',
          port,
          method,
          path,
          agent: false,
          setHost: false,
          headers: lines,
        };
        const asked = request(options, async (response) => {
          let text = '';
          for await (const chunk of response) text += chunk;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
        asked.on('error', reject);
        asked.end(body);
      }),
  };
});

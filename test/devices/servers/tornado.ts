import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** Tornado, which takes WebSockets only from an origin that is its own host (Jupyter, OctoPrint). */
const script = `import asyncio, sys
from tornado.web import Application, RequestHandler, StaticFileHandler
from tornado.websocket import WebSocketHandler

class Form(RequestHandler):
    def post(self):
        self.write({'speed': self.get_argument('speed', '')})

class Move(RequestHandler):
    def get(self):
        self.redirect(self.request.full_url().replace('/move', '/index.html'))

class Live(WebSocketHandler):
    def on_message(self, message):
        self.write_message('heard ' + message)

async def main():
    routes = [('/form', Form), ('/live', Live), ('/move', Move),
              ('/(.*)', StaticFileHandler, {'path': sys.argv[2]})]
    Application(routes).listen(int(sys.argv[1]), '127.0.0.1')
    await asyncio.Event().wait()

asyncio.run(main())
`;

export const device: Device = {
  start: async ({ port, directory }) => {
    const file = join(directory, 'server.py');
    writeFileSync(file, script);
    return program(port, '/usr/bin/python3', [file, String(port), documents(directory)]);
  },
  asks: {
    ...files,
    redirect: '/move',
    form: { path: '/form', body: 'speed=7' },
    webSocket: { path: '/live', send: ['one', 'two'] },
  },
};

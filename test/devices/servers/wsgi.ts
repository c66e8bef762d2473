import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { program } from '../suite/program.ts';

/** Python's reference server for WSGI: HTTP/1.0, and bodies that only the end of the connection delimits. */
const script = `import sys
from wsgiref.simple_server import make_server, WSGIRequestHandler

class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass

def app(environ, start_response):
    path = environ['PATH_INFO']
    if environ['REQUEST_METHOD'] == 'POST':
        body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return [b'got ', str(len(body)).encode()]
    if path == '/':
        start_response('200 OK', [('Content-Type', 'text/html')])
        return [b'<title>Pump</title>', b'<p>Pump']
    if path == '/log':
        start_response('200 OK', [('Content-Type', 'application/octet-stream')])
        return (bytes([i % 256]) * 65536 for i in range(48))
    start_response('404 Not Found', [])
    return [b'no']

make_server('127.0.0.1', int(sys.argv[1]), app, handler_class=Quiet).serve_forever()
`;

export const device: Device = {
  start: async ({ port, directory }) => {
    const file = join(directory, 'server.py');
    writeFileSync(file, script);
    return program(port, '/usr/bin/python3', [file, String(port)]);
  },
  asks: {
    page: '/',
    download: '/log',
    form: { path: '/form', body: 'speed=7' },
    upload: { path: '/upload', method: 'POST', chunked: false },
  },
};

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

/** Home Assistant's server, aiohttp, with its answer to proxies that it does not know. */
const script = `import sys
from aiohttp import web, WSMsgType

@web.middleware
async def forwarded(request, handler):
    if 'X-Forwarded-For' in request.headers:
        raise web.HTTPBadRequest
    return await handler(request)

async def form(request):
    data = await request.post()
    return web.json_response({'speed': data.get('speed')})

async def upload(request):
    size = 0
    async for piece in request.content.iter_chunked(65536):
        size += len(piece)
    return web.json_response({'size': size})

async def live(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str('heard ' + message.data)
    return socket

async def move(request):
    raise web.HTTPFound('/index.html')

app = web.Application(middlewares=[forwarded], client_max_size=0)
app.router.add_post('/form', form)
app.router.add_put('/upload', upload)
app.router.add_get('/live', live)
app.router.add_get('/move', move)
app.router.add_static('/', sys.argv[2])
web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)
`;

export const device: Device = {
  start: async ({ port, directory }) => {
    const file = join(directory, 'server.py');
    writeFileSync(file, script);
    return program(port, '/usr/bin/python3', [file, String(port), documents(directory)]);
  },
  settings: () => ({ forwarded: false }),
  asks: {
    ...files,
    redirect: '/move',
    form: { path: '/form', body: 'speed=7' },
    upload: { path: '/upload', method: 'PUT' },
    webSocket: { path: '/live', send: ['one', 'two'] },
  },
};

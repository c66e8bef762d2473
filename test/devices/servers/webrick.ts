import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

const script = `require 'webrick'
server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ARGV[0].to_i, DocumentRoot: ARGV[1],
  Logger: WEBrick::Log.new(File::NULL), AccessLog: [])
server.mount_proc('/form') { |request, response| response.body = "speed #{request.query['speed']}" }
server.mount_proc('/upload') { |request, response| response.body = request.body.bytesize.to_s }
server.start
`;

export const device: Device = {
  start: async ({ port, directory }) => {
    const file = join(directory, 'server.rb');
    writeFileSync(file, script);
    return program(port, 'ruby', [file, String(port), documents(directory)]);
  },
  asks: { ...files, form: { path: '/form', body: 'speed=7' }, upload: { path: '/upload', method: 'PUT' } },
};

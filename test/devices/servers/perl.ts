import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

const script = `use HTTP::Daemon; use HTTP::Status;
my ($port, $root) = @ARGV;
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1) or die $!;
$SIG{CHLD} = 'IGNORE';
while (my $client = $daemon->accept) {
  next if fork;
  while (my $request = $client->get_request) {
    my $path = $request->uri->path;
    if ($request->method eq 'POST') {
      $client->send_response(HTTP::Response->new(200, 'OK', ['Content-Type' => 'text/plain'],
        $path . ' ' . length($request->content)));
    }
    elsif ($path eq '/move') { $client->send_redirect('/index.html', 301); }
    elsif (-f "$root$path") { $client->send_file_response("$root$path"); }
    else { $client->send_error(404); }
  }
  exit;
}
`;

/** Perl's HTTP::Daemon. */
export const device: Device = {
  start: async ({ port, directory }) => {
    const file = join(directory, 'server.pl');
    writeFileSync(file, script);
    return program(port, 'perl', [file, String(port), documents(directory)]);
  },
  asks: {
    ...files,
    redirect: '/move',
    form: { path: '/form', body: 'speed=7' },
    upload: { path: '/upload', method: 'POST' },
  },
};

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Device } from '../suite/device.ts';
import { documents, files } from '../suite/documents.ts';
import { program } from '../suite/program.ts';

const script = `<?php
if ($_SERVER['REQUEST_URI'] === '/move.php') { header('Location: http://' . $_SERVER['HTTP_HOST'] . '/index.html'); exit; }
if (isset($_POST['speed'])) { setcookie('speed', $_POST['speed'], 0, '/'); echo 'speed ', htmlspecialchars($_POST['speed']); exit; }
echo strlen(file_get_contents('php://input')), ' ', hash('sha256', file_get_contents('php://input'));
`;

export const device: Device = {
  start: async ({ port, directory }) => {
    const root = documents(directory);
    for (const name of ['form.php', 'move.php']) writeFileSync(join(root, name), script);
    return program(port, 'php', ['-S', `127.0.0.1:${port}`, '-t', root]);
  },
  asks: {
    ...files,
    redirect: '/move.php',
    form: { path: '/form.php', body: 'speed=7' },
    upload: { path: '/form.php', method: 'POST' },
  },
};

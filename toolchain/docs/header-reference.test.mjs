import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { headerPage, readHeader } from './header-reference.mjs';

const header = readFileSync(
  fileURLToPath(new URL('../../agent/sdk/c/include/rm_agent.h', import.meta.url)),
  'utf8',
);

describe('the reference of rm_agent.h', () => {
  const { introduction, entries } = readHeader(header);
  const names = entries.map(({ name }) => name);

  it('has every function, type and macro once', () => {
    const functions = [...header.matchAll(/^[a-z][\w ]*[ *](rm_agent_\w+)\(/gm)].map(([, name]) => name);
    const types = [...header.matchAll(/^typedef (?:struct|enum) (\w+)/gm)].map(([, name]) => name);
    expect(functions.length).toBeGreaterThan(20);
    expect([...names].sort()).toEqual([...functions, ...types, 'RM_AGENT_OPTIONS'].sort());
  });

  it('has a comment for every function', () => {
    const bare = entries.filter(({ name, comment }) => name.startsWith('rm_agent_') && comment === '');
    expect(bare.map(({ name }) => name)).toEqual([
      'rm_agent_event_type',
      'rm_agent_answer',
      'rm_agent_stream_port',
    ]);
    expect(introduction).toMatch(/^The remote-access agent inside a program written in C/);
  });

  it('keeps the members of a type with it', () => {
    expect(entries.find(({ name }) => name === 'rm_agent_options')?.code).toMatch(
      /size_t service_count;\n} rm_agent_options;$/,
    );
  });

  it('is a page with a heading each, and lists of parameters', () => {
    const page = headerPage('rm_agent.h', header);
    expect(page).toMatch(/^# rm_agent\.h\n\nThe remote-access agent/);
    expect(page).toContain('\n## rm_agent_stream_read\n');
    expect(page).toContain('\n- `configuration`: JSON text as in');
    expect(page).not.toMatch(/^ \*|@param|@file/m);
  });
});

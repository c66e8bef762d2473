import { describe, expect, it } from 'vitest';
import { floatingPointInstructions, headerFaults, laterInstructions } from './verify.mjs';

/** @param {readonly string[]} instructions */
const listing = (instructions) =>
  `\n00400100 <main>:\n${instructions.map((text, index) => `  ${(0x400100 + 4 * index).toString(16)}:\t${text}\n`).join('')}`;

describe('floatingPointInstructions', () => {
  it.each([
    ['lwc1', '\t$f0,8(sp)'],
    ['sdc1', '\t$f20,16(sp)'],
    ['ldxc1', '\t$f0,a0(a1)'],
    ['mtc1', '\tzero,$f2'],
    ['cfc1', '\tv0,$31'],
    ['add.d', '\t$f0,$f0,$f2'],
    ['c.olt.d', '\t$f0,$f2'],
    ['cvt.d.w', '\t$f0,$f0'],
    ['trunc.w.d', '\t$f0,$f0'],
    ['bc1t', '\t400120'],
    ['mov.s', '\t$f0,$f2'],
    ['movt', '\tv0,v1,$fcc0'],
  ])('finds %s of a MIPS', (mnemonic, operands) => {
    expect(floatingPointInstructions('mips', listing(['addiu\tsp,sp,-32', mnemonic + operands]))).toEqual([
      mnemonic,
    ]);
  });

  it('takes no integer instruction of a MIPS for one', () => {
    const integers = [
      'movz',
      'movn',
      'seb',
      'ext',
      'mfhi',
      'mflo',
      'mtlo',
      'madd',
      'sdbbp',
      'mfc0',
      'lwl',
      'ldc3',
      'b',
    ];
    expect(floatingPointInstructions('mips', listing(integers.map((name) => `${name}\tv0,v1`)))).toEqual([]);
  });

  it('finds the instructions of an ARM with VFP, and no others', () => {
    const code = [
      'vldr\td0, [r0]',
      'vadd.f64\td0, d0, d1',
      'fldmiax\tr0!, {d8-d15}',
      'ldr\tr0, [r1]',
      'b\t40',
    ];
    expect(floatingPointInstructions('arm', listing(code))).toEqual(['vldr', 'vadd.f64', 'fldmiax']);
  });
});

describe('headerFaults', () => {
  const code = '  LOAD           0x000000 0x00400000 0x00400000 0xb262c 0xb262c R E 0x10000';
  const data = '  LOAD           0x0b2630 0x004c2630 0x004c2630 0x000fc 0x23168 RW  0x10000';
  const stack = '  GNU_STACK      0x000000 0x00000000 0x00000000 0x00000 0x00000 RW  0x10';

  it('finds none in a static executable whose stack and data hold no code', () => {
    expect(headerFaults([code, data, stack].join('\n'))).toEqual([]);
  });

  it.each([
    [
      [code, data, stack, '  INTERP         0x000154 0x00000154 0x00000154 0x00019 0x00019 R   0x1'],
      /static/,
    ],
    [
      [code, data, stack, '  DYNAMIC        0x000154 0x00000154 0x00000154 0x00019 0x00019 RW  0x4'],
      /static/,
    ],
    [[code.replace('R E', 'RWE'), data, stack], /written and executed/],
    [[code, data, stack.replace('RW ', 'RWE')], /executable stack/],
    [[code, data], /executable stack/],
  ])('finds the one in %j', (headers, said) => {
    expect(headerFaults(headers.join('\n'))).toEqual([expect.stringMatching(said)]);
  });
});

describe('laterInstructions', () => {
  it.each([
    'movw\tr0, #1',
    'movtne\tr0, #1',
    'sdiv\tr0, r1, r2',
    'ubfx\tr0, r1, #2, #3',
    'dmb\tish',
    'strexdeq\tr0, r2, [r4]',
  ])('finds %s and names its function', (instruction) => {
    expect(laterInstructions(listing([instruction]))).toEqual([`${instruction.split('\t')[0]} in main`]);
  });

  it('takes nothing of ARMv6 for one, and not what musl runs on ARMv7 only', () => {
    const older = [
      'mov',
      'movs',
      'ldrex',
      'strexeq',
      'clz',
      'rev16',
      'uxtb',
      'sxth',
      'umaal',
      'ldrbt',
      'vmov',
      'mcr',
      'bics',
      'ldmib',
    ];
    expect(laterInstructions(listing(older.map((name) => `${name}\tr0, r1`)))).toEqual([]);
    const barrier = listing(['dmb\tish', 'bx\tlr']).replace('<main>', '<__a_barrier_v7>');
    expect(laterInstructions(barrier)).toEqual([]);
  });
});

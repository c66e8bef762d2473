// What must be true of every executable that leaves this toolchain.
import { BuildError, run } from '../subprocess.mjs';

/** Instructions of a floating-point unit, as objdump spells them. */
const floatingPoint = {
  mips: /^(?:[ls][wd]x?c1|[cdm][tf]h?c1|bc1\w+|mov[ft](?:\.\w+)?|cvt\.[\w.]+|[a-z0-9.]+\.(?:s|d|ps|[ds]\.[wl]|[wl]\.[ds]))$/,
  arm: /^(?:v(?:add|sub|mul|div|ldr|str|ldm|stm|mov|cmp|cvt|neg|abs|sqrt|mrs|msr|push|pop|ml|nm)|f(?:ld|st|add|sub|mul|div|cmp|cpy|sito|uito|to))/,
};

/** With their conditions. `clz`, `rev`, `ldrex` and `ldrbt` are in ARMv6. */
const afterArmv6 =
  /^(?:movw|movt|mls|bfc|bfi|[su]bfx|rbit|[su]div|dmb|dsb|isb|(?:ld|st)rex[bdh]|(?:ld|st)rht|ldrs[bh]t|vfm[as]|pldw)(?:eq|ne|cs|cc|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?(?:\.\w+)?$/;

/**
 * The floating-point instructions in a disassembly, each named once.
 * @param {keyof typeof floatingPoint} family
 * @param {string} disassembly of `objdump -d --no-show-raw-insn`
 */
export function floatingPointInstructions(family, disassembly) {
  const found = new Set();
  for (const line of disassembly.split('\n')) {
    const mnemonic = /^\s*[0-9a-f]+:\s+([a-z][\w.]*)/.exec(line)?.[1];
    if (mnemonic !== undefined && floatingPoint[family].test(mnemonic)) found.add(mnemonic);
  }
  return [...found];
}

/**
 * @param {string} file with its symbols, which tell objdump where the code is MIPS16
 * @param {import('../compilers.mjs').Compiler} compiler
 */
async function verifySoftFloat(file, { prefix }) {
  const family = prefix.startsWith('mips') ? 'mips' : 'arm';
  const attributes = await run(`${prefix}-readelf`, ['-A', file]);
  const hard =
    family === 'mips' ? !/FP ABI: Soft float/.test(attributes) : /Tag_FP_arch|VFP_args/.test(attributes);
  if (hard) throw new BuildError(`${file} is not tagged as soft float:\n${attributes}`);
  const disassembly = await run(`${prefix}-objdump`, ['-d', '--no-show-raw-insn', file]);
  const forbidden = floatingPointInstructions(family, disassembly);
  if (forbidden.length > 0) {
    throw new BuildError(`${file} has instructions of a floating-point unit: ${forbidden.join(', ')}`);
  }
}

/**
 * Instructions that came after ARMv6, as objdump spells them; musl has its own of them behind a question to the kernel.
 * @param {string} disassembly of `objdump -d --no-show-raw-insn`
 */
export function laterInstructions(disassembly) {
  const found = new Set();
  let name = '';
  for (const line of disassembly.split('\n')) {
    name = /^[0-9a-f]+ <(.*)>:$/.exec(line)?.[1] ?? name;
    const mnemonic = /^\s*[0-9a-f]+:\s+([a-z][\w.]*)/.exec(line)?.[1];
    const isLater = mnemonic !== undefined && afterArmv6.test(mnemonic);
    if (isLater && !/^__a_(?:barrier|cas)_v7$/.test(name)) found.add(`${mnemonic} in ${name}`);
  }
  return [...found];
}

/**
 * @param {string} file with its symbols
 * @param {string} architecture
 * @param {import('../compilers.mjs').Compiler} compiler
 */
async function verifyArchitecture(file, architecture, { prefix }) {
  const attributes = await run(`${prefix}-readelf`, ['-A', file]);
  const found = /Tag_CPU_arch: (\S+)/.exec(attributes)?.[1];
  if (found !== architecture)
    throw new BuildError(`${file} is tagged as ${found}, allowed is ${architecture}:\n${attributes}`);
  const later = laterInstructions(await run(`${prefix}-objdump`, ['-d', '--no-show-raw-insn', file]));
  if (later.length > 0) throw new BuildError(`${file} has instructions of ARMv7: ${later.join(', ')}`);
}

/**
 * What is wrong with the program headers of an executable, as lines for a person.
 * @param {string} headers of `readelf -lW`
 */
export function headerFaults(headers) {
  const faults = [];
  if (/^\s*(?:INTERP|DYNAMIC)\b/m.test(headers)) faults.push('is not fully static');
  if (/^\s*LOAD\b.*\sRWE\s/m.test(headers)) faults.push('has a segment that can be written and executed');
  // Without this header the kernel of several architectures makes the stack executable.
  if (!/^\s*GNU_STACK\b.*\sRW\s/m.test(headers)) faults.push('asks for an executable stack');
  return faults;
}

/**
 * @param {string} file not stripped yet
 * @param {import('../targets.mjs').Target} target
 * @param {import('../compilers.mjs').Compiler} compiler
 * @throws {BuildError} naming the rule that is broken
 */
export async function verifyExecutable(file, target, compiler) {
  const headers = await run(`${compiler.prefix}-readelf`, ['-lW', file]);
  const faults = headerFaults(headers);
  if (faults.length > 0) throw new BuildError(`${file} ${faults.join(', ')}`);
  if (target.softFloat) await verifySoftFloat(file, compiler);
  if (target.architecture) await verifyArchitecture(file, target.architecture, compiler);
}

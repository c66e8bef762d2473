import { describe, expect, it } from 'vitest';
import { withoutPrivateNames } from './private-names.mjs';

/** What a script gives, before and after. @param {string} script */
function both(script) {
  const after = withoutPrivateNames(script);
  return [script, after].map((text) => new Function(`return ${text}`)());
}

describe('private names', () => {
  it('become properties that are numbered within their class', () => {
    expect(withoutPrivateNames('class A { #one = 1; #two() { return this.#one } }')).toBe(
      'class A { $0 = 1; $1() { return this.$0 } }',
    );
    expect(withoutPrivateNames('class A { #a } class B { #b; get #c() {} set #c(v) {} }')).toBe(
      'class A { $0 } class B { $0; get $1() {} set $1(v) {} }',
    );
  });

  it('are others in a class that inherits', () => {
    const [before, after] = both(`(() => {
      class Base { #x = 1; base() { return this.#x } }
      class Middle extends Base { #x = 2; middle() { return this.#x } }
      class Last extends Middle { #x = 3; #y = 4; last() { return this.#x * 10 + this.#y } }
      const last = new Last();
      return [last.base(), last.middle(), last.last()];
    })()`);
    expect(after).toEqual([1, 2, 34]);
    expect(after).toEqual(before);
  });

  it('belong to the innermost class that declares them', () => {
    const [before, after] = both(`(() => {
      class Outer {
        #x = 1; #y = 2;
        make() {
          const outer = this;
          return new (class Inner { #x = 3; sum() { return this.#x + outer.#y } })().sum() + this.#x;
        }
      }
      return new Outer().make();
    })()`);
    expect(after).toBe(6);
    expect(after).toBe(before);
  });

  it('are left alone in texts', () => {
    const script = 'class A { #x = ".#x"; y() { return /#x/.test(`#x`) } }';
    expect(withoutPrivateNames(script)).toBe('class A { $0 = ".#x"; y() { return /#x/.test(`#x`) } }');
  });

  it.each([
    'class A { #x; static is(o) { return #x in o } }',
    'class A extends (() => Object)() { #x }',
    'class A { #x; m($0) {} }',
    'var x = class A { #x }; var y = class A { #x };',
  ])('are refused in %s', (script) => {
    expect(() => withoutPrivateNames(script)).toThrow(TypeError);
  });
});

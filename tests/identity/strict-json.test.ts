import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findNameTwice } from '../../src/identity/name-twice.ts'
import { maxDepth, parseStrictJson } from '../../src/identity/strict-json.ts'
import { cpuTimeMs } from '../support/cpu-time.ts'
import { refusal } from './parties.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

function refused(bytes: Uint8Array | string): unknown {
  try {
    parseStrictJson(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  } catch (error) {
    return error
  }
  return 'taken'
}

describe('strict JSON', () => {
  test('takes every object that JSON.stringify writes, as JSON.parse reads it', () => {
    const wellFormed = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom(null, true, false),
        fc.double({ noDefaultInfinity: true, noNaN: true }),
        wellFormed,
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(wellFormed, tie('value'), { maxKeys: 5 }),
      ),
    }))
    fc.assert(
      fc.property(fc.dictionary(wellFormed, value), fc.constantFrom(undefined, 1, '\t'), (object, space) => {
        const text = JSON.stringify(object, null, space)
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('finds any member that stands twice, wherever and however it is written', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !text.includes('\0'))
    const escapes = (text: string) =>
      `"${text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
    fc.assert(
      fc.property(name, fc.uniqueArray(name, { maxLength: 6 }), fc.boolean(), fc.nat(5), (twice, others, escaped, depth) => {
        const between = others.filter((other) => other !== twice).map((other) => `${JSON.stringify(other)}:"{[,"`)
        const second = escaped ? escapes(twice) : JSON.stringify(twice)
        const inner = `{${[`${JSON.stringify(twice)}:{"a":[1]}`, ...between, `${second}:2`].join(',')}}`
        const text = '{"x":['.repeat(depth) + inner + ']}'.repeat(depth)
        expect(refused(text)).toMatchObject(refusal('malformed', /twice/))
      }),
    )
  })

  test.each([
    ['the same name in two objects', '{"a":{"x":1},"b":{"x":2},"x":[{"x":3},{"x":4}]}'],
    ['a name that is also a value', '{"a":"a","b":["a","a"],"c":"b"}'],
    ['quotes and backslashes inside strings', String.raw`{"a":"\"a\":1,\\","b\\":"\\\"","b":"}{"}`],
    ['an emoji by escapes', String.raw`{"a":"\ud83d\ude00"}`],
    ['names that differ in normalisation only', '{"\u00e9":1,"e\u0301":2}'],
    ['a large but finite number', '{"a":1e308,"b":-0.1E-400}'],
  ])('takes %s', (_, text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  test.each([
    ['a name twice', '{"a":1,"a":1}', /"a" stands twice .*offset 7/],
    ['a name twice with escapes', String.raw`{"abc":1,"\u0061b\u0063":1}`, /"abc" stands twice/],
    ['a name twice far inside', '{"a":[[{"b":{"c":[],"d":{},"c":0}}]]}', /"c" stands twice/],
    ['the empty name twice', '{"":1,"":2}', /"" stands twice/],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}', /"__proto__" stands twice/],
    ['U+0000 in a string', String.raw`{"a":"x\u0000"}`, /U\+0000/],
    ['U+0000 in a name', String.raw`{"a\u0000":1}`, /U\+0000/],
    ['a high surrogate alone', String.raw`{"a":"\ud800"}`, /lone surrogate/],
    ['a low surrogate alone', String.raw`{"a":"\udc00\ud800"}`, /lone surrogate/],
    ['a lone surrogate in a name', String.raw`{"\uDFFFa":1}`, /lone surrogate/],
    ['U+0000 as a byte', '{"a":"\0"}', /not JSON/],
    ['a number beyond every double', '{"a":[1,-1e999]}', /offset 8 is too large/],
    ['an array', '[{}]', /not an object/],
    ['null', 'null', /not an object/],
    ['a string', '"{}"', /not an object/],
    ['nothing', '', /not JSON/],
    ['two objects', '{}{}', /not JSON/],
    ['a comment', '{/**/}', /not JSON/],
    ['a trailing comma', '{"a":1,}', /not JSON/],
    ['NaN', '{"a":NaN}', /not JSON/],
    ['a byte order mark', '\uFEFF{}', /byte order mark/],
  ])('refuses %s', (_, text, why) => {
    expect(refused(text)).toMatchObject(refusal('malformed', why))
  })

  test.each([
    ['a byte that never occurs', [0xff]],
    ['a sequence cut short', [0xe5, 0xa4]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate as bytes', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses what is not UTF-8: %s', (_, bytes) => {
    expect(refused(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]))).toMatchObject(
      refusal('malformed', /UTF-8/),
    )
  })

  test('refuses UTF-16 that a byte order mark announces', () => {
    expect(refused(Buffer.from('\uFEFF{}', 'utf16le'))).toMatchObject(refusal('malformed', /UTF-8/))
  })

  test('notices a lost member whatever else is written longer or shorter than it need be', () => {
    const name = fc.constantFrom('a', 'b', ':', '大', '__proto__', '1')
    const number = fc.constantFrom(
      '0',
      '-0',
      '7',
      '1e3',
      '1E3',
      '1000',
      '12e3',
      '1e2',
      '100',
      '0.5',
      '5e-1',
      '1e21',
      '123456',
      '1.0',
    )
    const space = fc.constantFrom('', '', '', '', ' ', '\n\t')
    const { object } = fc.letrec<{ value: string; object: string }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        number,
        fc.constantFrom('true', 'false', 'null', '""', '":"', '"{"', '"联办"', '[]', '{}'),
        fc.array(tie('value'), { maxLength: 3 }).map((parts) => `[${parts.join(',')}]`),
        tie('object'),
      ),
      object: fc
        .array(fc.tuple(name, space, space, tie('value')), { maxLength: 4 })
        .map((members) => `{${members.map(([key, before, after, value]) => `"${key}"${before}:${after}${value}`).join(',')}}`),
    }))
    fc.assert(
      fc.property(object, (text) => {
        if (findNameTwice(text) === undefined) expect(refused(text)).toBe('taken')
        else expect(refused(text)).toMatchObject(refusal('malformed', /twice/))
      }),
      { numRuns: 2000 },
    )
  })

  test('finds what is wrong with a text that is written without spaces and escapes', () => {
    expect(refused(`{"a":${'['.repeat(maxDepth - 1)}${']'.repeat(maxDepth - 1)}}`)).toBe('taken')
    expect(refused(`{"a":${'['.repeat(maxDepth)}${']'.repeat(maxDepth)}}`)).toMatchObject(refusal('malformed', /deeper than 64/))
    expect(refused('{"a":1000,"b":1e999}')).toMatchObject(refusal('malformed', /offset 14 is too large/))
    // what is lost has the length that a shorter spelling saves
    expect(refused('{"a":0,"a":1e8}')).toMatchObject(refusal('malformed', /"a" stands twice/))
  })

  test('bounds the depth, of objects and arrays alike', () => {
    const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}1${']}'.repeat(depth / 2)}`
    expect(parse(nested(maxDepth))).toBeTypeOf('object')
    expect(refused(nested(maxDepth + 2))).toMatchObject(refusal('malformed', /deeper than 64/))
    expect(refused(`${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}`)).toMatchObject(refusal('malformed', /deeper than 64/))
  })

  test('lets nobody reach a prototype', () => {
    const parsed = parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
    expect(Object.keys(parsed)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
    expect(parsed.polluted).toBeUndefined()
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  test('shows neither values nor more than a bit of a long name', () => {
    const long = 'n'.repeat(10_000)
    expect(String(refused(`{"${long}":1,"${long}":2}`)).length).toBeLessThan(200)
    expect(String(refused('{"idNumber":"210299197805121139",}'))).not.toContain('2102')
  })

  test('takes time in proportion to the size, whatever the text is made of', () => {
    const fills = ['\\"', '\\\\', ' ', '\\u0041', 'x']
    for (const fill of fills) {
      const text = `{"a":"","b":[${`"${fill.repeat(Math.floor(48_000 / fill.length))}"`}]}`
      const start = cpuTimeMs()
      refused(text)
      expect(cpuTimeMs() - start, JSON.stringify(fill)).toBeLessThan(100)
    }
    const many = `{"a":[${Array.from({ length: 12_000 }, () => '""').join(',')}]}`
    const start = cpuTimeMs()
    expect(refused(many)).toBe('taken')
    expect(cpuTimeMs() - start).toBeLessThan(100)
  })

  test('stays linear when the compiler has warmed up', () => {
    const text = JSON.stringify({
      a: Array.from({ length: 300 }, (_, i) => ({ name: `大连测试${i}`, idType: 'resident', ratio: 0.25, share: '100000.00' })),
    })
    const bytes = Buffer.from(text)
    const start = cpuTimeMs()
    for (let i = 0; i < 1000; i++) parseStrictJson(bytes)
    expect(cpuTimeMs() - start).toBeLessThan(5000)
  })
})

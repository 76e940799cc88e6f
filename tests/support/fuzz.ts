import { isJsonObject, type Json, type JsonObject } from '../../src/domain/text.ts'
import type { Chance } from './chance.ts'

/** Changes bytes of a text or leaves some out, repeats some, puts strange ones in. */
export function mangled(bytes: Buffer, random: Chance): Buffer {
  let result = bytes
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(result.length + 1)
    const length = random.one([1, 1, 1, 2, 8, 64])
    const [before, some, after] = [result.subarray(0, at), result.subarray(at, at + length), result.subarray(at + length)]
    result = random.one([
      () => Buffer.concat([before, Buffer.from(some.map((byte) => byte ^ (1 << random.below(8)))), after]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, some, some, after]),
      () => Buffer.concat([before, random.bytes(length), some, after]),
      () => Buffer.concat([before, Buffer.from(random.one(strangeTexts)), some, after]),
    ])()
  }
  return result
}

export const strangeTexts = [
  '\0',
  '\r\n',
  '.',
  '=',
  '"',
  '{',
  ']',
  '\\u0000',
  '\\ud800',
  '\u2028',
  '\u202e',
  '\ufeff',
  '𝕏',
  '%00',
  '../',
  '__proto__',
  "';--",
  '1e999',
  '-0',
  'a'.repeat(300),
] as const satisfies readonly [string, ...string[]]

const strangeValues: readonly [Json, ...Json[]] = [
  null,
  true,
  0,
  -0,
  1e308,
  -1e-308,
  2 ** 53 + 2,
  0.1,
  '',
  ' ',
  'a'.repeat(5000),
  '汉'.repeat(200),
  '\u0000',
  '\ud800',
  '\u2028\u202e\ufeff',
  '2026-02-30',
  '0000-00-00',
  '9999-12-31',
  '2026-11-24T00:00:00+24:00',
  "'; drop table log.entries; --",
  '__proto__',
  '/bureaus/commerce',
  'registration.cancelled.v1',
  [],
  {},
  [[[[[[[[]]]]]]]],
  [null, null],
  { $ref: '#' },
  { length: 5 },
  Array.from({ length: 300 }, () => 'x'),
]

const strangeNames = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'data',
  'id',
  'uscc',
  '\u0000',
  '汉字',
  '/~1',
] as const

/** The same JSON with one member, at any depth, replaced, left out, added, or given another name. */
export function changed(value: JsonObject, random: Chance): JsonObject {
  const members = Object.entries(value)
  const [name = '', old = null] = members[random.below(members.length)] ?? []
  const others = members.filter(([each]) => each !== name)
  if (isJsonObject(old) && random.below(3) > 0) return { ...value, [name]: changed(old, random) }
  // fromEntries makes own members of __proto__ too
  return Object.fromEntries(
    random.one([
      () => [...others, [name, random.one(strangeValues)] as const],
      () => others,
      () => [...members, [random.one(strangeNames), random.one(strangeValues)] as const],
      () => [...others, [random.one(strangeNames), old] as const],
      () => [...others, [name, [old, old]] as const],
    ])(),
  )
}

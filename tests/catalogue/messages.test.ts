import { describe, expect, it } from 'vitest'
import { compileRecordCheck } from '../../src/catalogue/validators.ts'
import type { Text } from '../../src/domain/text.ts'

function messageFor(schema: object, value: string | readonly string[]): Text | undefined {
  const check = compileRecordCheck({ type: 'object', properties: { field: schema } })
  return check({ field: typeof value === 'string' ? value : [...value] }, '2018-01-02')[0]?.message
}

describe('a pattern is said in words', () => {
  it.each([
    ['^[0-9]{6}$', 'It must have exactly 6 digits.', '应恰为 6 位数字。'],
    ['^[0-9]{8,20}$', 'It must have 8 to 20 digits.', '应为 8 至 20 位数字。'],
    ['^[1-9][0-9]{5}$', 'It must have exactly 6 digits, the first not 0.', '应恰为 6 位数字，首位不为 0。'],
    ['^[A-Z]{3}$', 'It must have exactly 3 letters from A to Z, in capitals.', '应恰为 3 个大写字母 A 至 Z。'],
    ['^[A-T]$', 'It must be one letter from A to T, in capitals.', '应为一个大写字母 A 至 T。'],
    ['^\\P{Cc}+$', /no control characters such as line breaks/, /不含换行等控制字符/],
    ['^(0|[1-9][0-9]{0,13})(\\.[0-9]{1,6})?$', /such as "7" or "7.5"/, /如 "7" 或 "7.5"/],
    ['^[a-z][a-z0-9-]{0,30}$', /small letters, digits and hyphens/, /小写字母/],
    ['^(a|b)c$', 'It must match the pattern ^(a|b)c$', '应符合格式 ^(a|b)c$'],
  ])('%s', (pattern, en, zh) => {
    const message = messageFor({ type: 'string', pattern }, '\n')
    expect(message?.en).toEqual(typeof en === 'string' ? en : expect.stringMatching(en))
    expect(message?.zh).toEqual(typeof zh === 'string' ? zh : expect.stringMatching(zh))
  })

  it('and what needs one of something must not be empty', () => {
    const empty = { en: 'It must not be empty.', zh: '不得为空。' }
    expect(messageFor({ type: 'string', minLength: 1 }, '')).toEqual(empty)
    expect(messageFor({ type: 'array', minItems: 1 }, [])).toEqual(empty)
    expect(messageFor({ type: 'string', minLength: 2 }, 'a')?.en).toBe('It must have at least 2 characters.')
  })
})

import { isUtf8 } from 'node:buffer'
import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject, type Json, type JsonObject, type Text } from '../domain/text.ts'
import { findNameTwice } from './name-twice.ts'

/** Nothing that is exchanged is nested deeper than a few levels; a bound keeps every later walk of a payload harmless. */
export const maxDepth = 64

/**
 * Reads a JSON object in which every reader sees the same thing: JSON.parse keeps the last of two members with one name,
 * other parsers the first, Postgres stores no U+0000, and a lone surrogate has no UTF-8. `__proto__` becomes an own member
 * like any other.
 *
 * @param bytes UTF-8, without byte order mark
 * @throws {RefusedRequest} `malformed`, with the member or the offset (in characters) of the fault
 * @see RFC 8259 section 4; RFC 7493 (I-JSON) sections 2.1 and 2.3
 */
export function parseStrictJson(bytes: Uint8Array): JsonObject {
  const text = decodeUtf8(bytes)
  const value = parse(text)
  if (!isJsonObject(value)) throw malformed({ en: 'the JSON is not an object', zh: 'JSON 顶层不是对象' })
  if (saysNoMore(text, value)) return value
  const names = scan(text)
  // JSON.parse keeps one of two members with one name: fewer members than names, and only then it is worth to look where
  const twice = names === membersOf(value) ? undefined : findNameTwice(text)
  if (twice !== undefined) {
    const { name, offset } = twice
    throw malformed({
      en: `the member ${shown(name)} stands twice in one object (offset ${offset})`,
      zh: `同一对象中成员 ${shown(name)} 重复（偏移 ${offset}）`,
    })
  }
  return value
}

function decodeUtf8(bytes: Uint8Array): string {
  // several times as fast as TextDecoder; a byte order mark stays, and is refused by its name
  if (!isUtf8(bytes))
    throw malformed({ en: 'it is not UTF-8; text in GBK has to be converted', zh: '不是 UTF-8 编码；GBK 文本须先转换' })
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function parse(text: string): unknown {
  if (text.startsWith('\uFEFF')) throw malformed({ en: 'it begins with a byte order mark', zh: '以字节顺序标记（BOM）开头' })
  try {
    return JSON.parse(text)
  } catch (error) {
    const offset = error instanceof SyntaxError ? /at position (\d+)/.exec(error.message)?.[1] : undefined
    // V8's message would quote the text around the fault, which may be personal
    throw malformed({
      en: `it is not JSON${offset === undefined ? '' : ` (offset ${offset})`}`,
      zh: `不是合法的 JSON${offset === undefined ? '' : `（偏移 ${offset}）`}`,
    })
  }
}

/**
 * Whether the text is nothing but its value, written without spaces and escapes: then no second member of one name was lost, and
 * there is nothing in it to object to. What most programs write is so, and it takes a third of the time that {@link scan} takes.
 */
function saysNoMore(text: string, value: JsonObject): boolean {
  return !text.includes('\\') && leastLength(value, maxDepth) === text.length
}

/**
 * Fewest characters that JSON without escapes can say a value in: whatever was lost on the way to it comes on top.
 *
 * @param depth levels that are allowed from here on
 * @returns NaN where it can't be told: nested deeper, or a number that has shorter spellings
 */
function leastLength(value: Json, depth: number): number {
  if (typeof value === 'string') return value.length + 2
  if (typeof value === 'number') return leastDigits(value)
  if (typeof value === 'boolean') return value ? 4 : 5
  if (value === null) return 4
  if (depth === 0) return Number.NaN
  // brackets, and a comma less than there are parts
  let length = 1
  if (isJsonArray(value)) {
    for (const element of value) length += 1 + leastLength(element, depth - 1)
    return value.length === 0 ? 2 : length
  }
  // the quotes of a name and its colon
  for (const name in value) length += name.length + 4 + leastLength(value[name] ?? null, depth - 1)
  return length === 1 ? 2 : length
}

/** Exponents are shorter from three zeros on: 1e3. */
function leastDigits(value: number): number {
  return Number.isSafeInteger(value) && (value === 0 || value % 1000 !== 0) ? String(value).length : Number.NaN
}

const quote = 0x22
const minus = 0x2d
const digit0 = 0x30
const digit9 = 0x39
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** One pass over text that JSON.parse took: depth, numbers, whatever only an escape can say, and how many names there are. */
function scan(text: string): number {
  let names = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      // character by character: V8 may move a search that runs on through the text into the loop, and take quadratic time
      const start = at
      let escaped = false
      for (let next = text.charCodeAt(++at); next !== quote; next = text.charCodeAt(++at)) {
        if (next !== backslash) continue
        escaped = true
        at++
      }
      if (escaped) checkEscaped(text, start, at)
    } else if (code === colon) {
      names++
    } else if (code === openBrace || code === openBracket) {
      if (++depth > maxDepth)
        throw malformed({
          en: `it is nested deeper than ${maxDepth} levels (offset ${at})`,
          zh: `嵌套超过 ${maxDepth} 层（偏移 ${at}）`,
        })
    } else if (code === closeBrace || code === closeBracket) {
      depth--
    } else if (code === minus || (code >= digit0 && code <= digit9)) {
      const end = endOfNumber(text, at)
      if (!Number.isFinite(Number(text.slice(at, end))))
        throw malformed({ en: `the number at offset ${at} is too large`, zh: `偏移 ${at} 处的数字过大` })
      at = end - 1
    }
  }
  return names
}

/** Members of all objects in it; its depth is known to be bounded. */
function membersOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  if (isJsonArray(value)) return value.reduce<number>((sum, element) => sum + membersOf(element), 0)
  let members = 0
  for (const name in value) members += 1 + membersOf(value[name] ?? null)
  return members
}

function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

const number = /[-+.0-9eE]+/y

function endOfNumber(text: string, start: number): number {
  number.lastIndex = start
  number.test(text)
  return number.lastIndex
}

function checkEscaped(text: string, start: number, end: number): void {
  const string: string = JSON.parse(text.slice(start, end + 1))
  if (string.includes('\0'))
    throw malformed({ en: `the string at offset ${start} contains U+0000`, zh: `偏移 ${start} 处的字符串含 U+0000` })
  if (/\p{Surrogate}/u.test(string))
    throw malformed({ en: `the string at offset ${start} contains a lone surrogate`, zh: `偏移 ${start} 处的字符串含孤立代理项` })
}

/** A name as a message may quote it: bounded, on one line. */
function shown(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}

function malformed(what: Text): RefusedRequest {
  return new RefusedRequest('malformed', what)
}

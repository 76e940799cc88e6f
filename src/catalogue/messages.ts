import type { ErrorObject } from 'ajv'
import type { Finding } from '../domain/event.ts'
import { maxFindings } from '../domain/refusal.ts'
import type { Text } from '../domain/text.ts'
import { patternText } from './pattern-text.ts'

/**
 * Turns what Ajv says into findings, without a value that was submitted: it may be a person's.
 *
 * @param errors in Ajv's order, their instancePath from the event's root
 * @returns at most {@link maxFindings}; of several errors that say the same only the one that helps most
 */
export function findingsOf(errors: readonly ErrorObject[]): readonly Finding[] {
  const coded = new Set(errors.filter(isCoded).map(({ instancePath }) => instancePath))
  const found = new Map<string, Finding>()
  for (const [index, error] of errors.entries()) {
    if (found.size >= maxFindings) break
    if (coded.has(error.instancePath) && aboutShape.has(error.keyword)) continue
    if (repeatsChildren(error, errors[index - 1])) {
      if (error.keyword !== 'if') dropOtherAlternatives(found, error.instancePath)
      continue
    }
    const finding = findingOf(error)
    found.set(`${finding.pointer} ${finding.code} ${finding.message.en}`, finding)
  }
  return [...found.values()]
}

/** A code rule that fails says what a failed pattern or length says, and better. */
const aboutShape: ReadonlySet<string> = new Set(['pattern', 'minLength', 'maxLength', 'format'])

function isCoded({ keyword }: ErrorObject): boolean {
  return keyword === 'code'
}

/** Ajv reports `if`, `anyOf` and `oneOf` after the errors of their branches, which say it more exactly. */
function repeatsChildren({ keyword, instancePath, params }: ErrorObject, previous: ErrorObject | undefined): boolean {
  if (keyword === 'if') return true
  if (keyword === 'oneOf' && params.passingSchemas) return false
  if (keyword !== 'anyOf' && keyword !== 'oneOf') return false
  return (
    previous !== undefined && (previous.instancePath === instancePath || previous.instancePath.startsWith(`${instancePath}/`))
  )
}

/** Where an alternative for this type of value says what is wrong with it, that others want another type is no help. */
function dropOtherAlternatives(found: Map<string, Finding>, pointer: string): void {
  const spoken = [...found].filter(([, finding]) => finding.pointer === pointer || finding.pointer.startsWith(`${pointer}/`))
  const aboutType = spoken.filter(([, finding]) => finding.pointer === pointer && finding.code === 'type')
  if (aboutType.length === spoken.length) return
  for (const [key] of aboutType) found.delete(key)
}

function findingOf({ keyword, instancePath, params }: ErrorObject): Finding {
  if (keyword === 'code') return { pointer: instancePath, code: String(params.code), message: params.text }
  const unknown = params.additionalProperty ?? params.unevaluatedProperty
  if (typeof unknown === 'string') {
    const message = { en: 'This field is not known here; leave it out.', zh: '此处没有该字段，请删除。' }
    return { pointer: `${instancePath}/${escaped(unknown)}`, code: 'unknown-field', message }
  }
  const { code, message } = describe(keyword, params)
  return { pointer: instancePath, code, message }
}

/** @see RFC 6901 section 3 */
function escaped(member: string): string {
  return member.replaceAll('~', '~0').replaceAll('/', '~1')
}

interface Description {
  readonly code: string
  readonly message: Text
}

function describe(keyword: string, params: ErrorObject['params']): Description {
  const { limit } = params
  switch (keyword) {
    case 'required':
      return said('required', `The field ${params.missingProperty} is missing.`, `缺少字段 ${params.missingProperty}。`)
    case 'dependentRequired':
    case 'dependencies':
      return said(
        'required',
        `The field ${params.missingProperty} is missing; ${params.property} needs it.`,
        `缺少字段 ${params.missingProperty}：填写 ${params.property} 时必填。`,
      )
    case 'type':
      return said(
        'type',
        `It must be ${listed(params.type, ' or ', inEnglish)}.`,
        `类型应为${listed(params.type, '或', inChinese)}。`,
      )
    case 'enum':
      return said('enum', `It must be one of ${values(params.allowedValues)}.`, `应为下列之一：${values(params.allowedValues)}。`)
    case 'const':
      return said('const', `It must be ${JSON.stringify(params.allowedValue)}.`, `应为 ${JSON.stringify(params.allowedValue)}。`)
    case 'pattern':
      return { code: 'pattern', message: patternText(String(params.pattern)) }
    case 'format':
      return (
        formats[String(params.format)] ?? said('format', `It must be a valid ${params.format}.`, `应为有效的 ${params.format}。`)
      )
    case 'minLength':
      return limit === 1
        ? empty('too-short')
        : said('too-short', `It must have at least ${limit} characters.`, `不得少于 ${limit} 个字符。`)
    case 'maxLength':
      return said('too-long', `It must have at most ${limit} characters.`, `不得超过 ${limit} 个字符。`)
    case 'minItems':
      return limit === 1
        ? empty('too-few-items')
        : said('too-few-items', `It must have at least ${limit} elements.`, `不得少于 ${limit} 项。`)
    case 'maxItems':
      return said('too-many-items', `It must have at most ${limit} elements.`, `不得超过 ${limit} 项。`)
    case 'minProperties':
      return limit === 1
        ? empty('too-few-fields')
        : said('too-few-fields', `It must have at least ${limit} fields.`, `不得少于 ${limit} 个字段。`)
    case 'maxProperties':
      return said('too-many-fields', `It must have at most ${limit} fields.`, `不得超过 ${limit} 个字段。`)
    case 'minimum':
      return said('too-small', `It must be at least ${limit}.`, `不得小于 ${limit}。`)
    case 'maximum':
      return said('too-large', `It must be at most ${limit}.`, `不得大于 ${limit}。`)
    case 'exclusiveMinimum':
      return said('too-small', `It must be more than ${limit}.`, `应大于 ${limit}。`)
    case 'exclusiveMaximum':
      return said('too-large', `It must be less than ${limit}.`, `应小于 ${limit}。`)
    case 'multipleOf':
      return said('multiple-of', `It must be a multiple of ${params.multipleOf}.`, `应为 ${params.multipleOf} 的倍数。`)
    case 'uniqueItems':
      return said(
        'unique-items',
        `The elements ${params.j} and ${params.i} (from 0) are equal.`,
        `第 ${params.j} 项与第 ${params.i} 项（从 0 起）重复。`,
      )
    case 'unevaluatedItems':
    case 'items':
      return said(
        'too-many-items',
        `It must have no elements beyond the first ${params.len ?? limit}.`,
        `只允许前 ${params.len ?? limit} 项。`,
      )
    case 'contains':
      return said(
        'contains',
        `It needs at least ${params.minContains ?? 1} elements of the form asked for.`,
        `至少应有 ${params.minContains ?? 1} 项符合要求。`,
      )
    case 'propertyNames':
      return said('field-name', 'The name of one of its fields is not allowed.', '其中有字段名不符合要求。')
    case 'anyOf':
    case 'oneOf':
      return said('no-form-fits', 'It must have exactly one of the forms the schema allows.', '应且只应符合模式允许的形式之一。')
    case 'not':
      return said('not', 'It has a form that the schema rules out.', '为模式所禁止的形式。')
    case 'false schema':
      return said('not-allowed', 'This field is not allowed here.', '此处不允许填写该字段。')
    default:
      return said(inKebabCase(keyword), `It breaks the rule ${keyword} of its schema.`, `不符合模式规则 ${keyword}。`)
  }
}

const empty = (code: string) => said(code, 'It must not be empty.', '不得为空。')
const said = (code: string, en: string, zh: string): Description => ({ code, message: { en, zh } })

const formats: Readonly<Record<string, Description>> = {
  date: said(
    'format',
    'It must be a day of the calendar as YYYY-MM-DD, such as 2026-11-23.',
    '应为真实存在的日期，格式为 YYYY-MM-DD，如 2026-11-23。',
  ),
  'date-time': said(
    'format',
    'It must be a moment as in RFC 3339, such as 2026-11-23T08:00:00+08:00.',
    '应为 RFC 3339 格式的时间，如 2026-11-23T08:00:00+08:00。',
  ),
  email: said('format', 'It must be an e-mail address.', '应为电子邮件地址。'),
}

const inEnglish: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const inChinese: Readonly<Record<string, string>> = {
  string: '字符串',
  number: '数字',
  integer: '整数',
  boolean: '布尔值',
  object: '对象',
  array: '数组',
  null: 'null',
}

function listed(types: unknown, or: string, words: Readonly<Record<string, string>>): string {
  const names: readonly unknown[] = Array.isArray(types) ? types : String(types).split(',')
  return names.map((name) => words[String(name)] ?? String(name)).join(or)
}

/** More than this of an enumeration nobody reads in a message. */
const maxListedValues = 30

function values(allowed: unknown): string {
  if (!Array.isArray(allowed)) return String(allowed)
  const shown = allowed.slice(0, maxListedValues).map((value) => JSON.stringify(value))
  return shown.join(', ') + (allowed.length > maxListedValues ? ', …' : '')
}

function inKebabCase(keyword: string): string {
  return keyword.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll(' ', '-')
}

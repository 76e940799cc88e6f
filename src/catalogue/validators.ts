import { Ajv2020, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { isCalendarDate } from '../domain/codes/calendar-date.ts'
import type { CodeContext } from '../domain/codes/code-check.ts'
import { codeCheckOf } from '../domain/codes/code-checks.ts'
import type { Finding } from '../domain/event.ts'
import { chinaDate } from '../domain/fold.ts'
import { maxFindings } from '../domain/refusal.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { BoundedPattern, boundedRegExp, slowness } from './bounded-pattern.ts'
import type { Catalogue, Kind } from './catalogue.ts'
import { formats } from './formats.ts'
import { checksKeyword, codeKeyword, type KeywordContext } from './keywords.ts'
import { findingsOf } from './messages.ts'
import { quickToCompile } from './quick-to-compile.ts'
import type { TypeRules } from './rules.ts'
import { countFewer } from './text-length.ts'

const ajv = newAjv()

/**
 * Members and elements that an event or a record may have, all levels together: twice what the largest registration needs.
 * Every error costs, so without it 48 KiB of `[{},{},…]` would keep the process busy for seconds.
 */
const maxValues = 4096

/**
 * Makes the checks 5 and 6 of one event type: envelope, data and code rules at once, so that a sender learns everything at once.
 *
 * @param options.envelope JSON Schema of the CloudEvents envelope; of `data` it says no more than that it is an object
 * @param options.data JSON Schema 2020-12 of `data`, with the keywords `code` and `checks`
 * @throws Error when a schema has faults, see {@link schemaFaults}
 */
export function compileEventCheck(options: {
  readonly envelope: object
  readonly data: object
  readonly kind: Kind
  readonly time: Catalogue['time']
}): TypeRules['check'] {
  const { kind, time } = options
  const checkEnvelope = compile(options.envelope)
  const checkData = compile(options.data)
  const checkSubject = subjectCheck(kind)

  return (event, now) => {
    if (countValues(event) > maxValues) return { errors: [tooManyValues], warnings: [] }
    const data = isJsonObject(event.data) ? event.data : undefined
    const context: KeywordContext = { date: dateOf(data, kind.dateField), today: chinaDate(now), warnings: [] }
    const errors = [...errorsOf(checkEnvelope, event, context)]
    if (data) errors.push(...errorsOf(checkData, data, context, event))
    const schemaFindings = errors.length === 0 ? [] : findingsOf(errors)
    const findings = [
      ...schemaFindings,
      ...checkTime(event.time, now, time),
      ...checkSubject(event, data, schemaFindings, context),
    ]
    return { errors: findings.slice(0, maxFindings), warnings: context.warnings }
  }
}

/**
 * Makes the check of a bureau's own record schema. Its pointers begin at the record's data; what is merely odd is left out.
 *
 * @throws Error when the schema has faults, see {@link schemaFaults}
 */
export function compileRecordCheck(schema: object): (data: JsonObject) => readonly Finding[] {
  const check = compile(schema)
  return (data) => {
    const context: KeywordContext = { today: chinaDate(new Date()), warnings: [] }
    return findingsOf(errorsOf(check, data, context))
  }
}

/** Schemas in which no fault was found: the next catalogue may have them, too. */
const faultless = new WeakSet<object>()

/** Everything that keeps a schema from being used: not JSON Schema 2020-12, unknown keywords, formats, codes or checks. */
export function schemaFaults(schema: unknown): readonly string[] {
  if (!isJsonObject(schema)) return ['it is no JSON object']
  if (faultless.has(schema)) return []
  const faults = faultsOf(schema)
  if (faults.length === 0) faultless.add(schema)
  return faults
}

function faultsOf(schema: JsonObject): readonly string[] {
  if (schema.$schema !== undefined && schema.$schema !== dialect) return [`$schema is not ${dialect}`]
  if (ajv.validateSchema({ ...schema }) !== true) {
    const errors = (ajv.errors ?? []).filter(({ keyword }) => keyword !== 'if')
    return [...new Set(errors.map(({ instancePath, message }) => `${instancePath || '/'} ${message ?? 'is wrong'}`))].slice(
      0,
      maxFindings,
    )
  }
  const slow = patternsOf(schema).flatMap((pattern) => slowness(pattern) ?? [])
  if (slow.length > 0) return [...new Set(slow)].slice(0, maxFindings)
  try {
    compile(schema)
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

/** Every regular expression of a schema; its depth is bounded since it was parsed. */
function patternsOf(schema: Json): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const inside = Object.values(schema).flatMap(patternsOf)
  if (!isJsonObject(schema)) return inside
  const { pattern, patternProperties } = schema
  return [
    ...inside,
    ...(typeof pattern === 'string' ? [pattern] : []),
    ...(isJsonObject(patternProperties) ? Object.keys(patternProperties) : []),
  ]
}

const dialect = 'https://json-schema.org/draft/2020-12/schema'

function newAjv(): Ajv2020 {
  const made = new Ajv2020({
    allErrors: true,
    passContext: true,
    strict: true,
    // a condition may ask for fields that the schema around it describes
    strictRequired: false,
    allowUnionTypes: true,
    formats,
    code: { ...quickToCompile.code, regExp: boundedRegExp },
  })
  countFewer(made)
  made.addKeyword(codeKeyword)
  made.addKeyword(checksKeyword)
  return made
}

/** One envelope serves every type, and a schema whose faults were looked for is compiled already. */
const compiled = new WeakMap<object, ValidateFunction>()

function compile(schema: AnySchemaObject): ValidateFunction {
  const before = compiled.get(schema)
  if (before) return before
  try {
    const made = ajv.compile(schema)
    compiled.set(schema, made)
    return made
  } finally {
    // catalogues come and go, each perhaps with the same $id: none of them may stay behind
    ajv.removeSchema(schema)
  }
}

/** @param parent the event, when `value` is its data: pointers begin at the event's root */
function errorsOf(
  check: ValidateFunction,
  value: JsonObject,
  context: KeywordContext,
  parent?: JsonObject,
): readonly ErrorObject[] {
  const place = parent && {
    instancePath: '/data',
    parentData: parent,
    parentDataProperty: 'data',
    rootData: parent,
    dynamicAnchors: {},
  }
  return check.call(context, value, place) ? [] : (check.errors ?? [])
}

/** The moment counts only when it is well-formed; the envelope's schema reports it when it is not. */
function checkTime(time: Json | undefined, now: Date, { maxAheadSeconds, maxAgeSeconds }: Catalogue['time']): readonly Finding[] {
  if (typeof time !== 'string' || !formats['date-time']?.(time)) return []
  const aheadSeconds = (Date.parse(time) - now.getTime()) / 1000
  if (aheadSeconds > maxAheadSeconds) {
    const message = {
      en: `time is more than ${maxAheadSeconds} seconds ahead of the exchange's clock: check yours, and its offset from UTC.`,
      zh: `time 比平台时钟超前 ${maxAheadSeconds} 秒以上：请检查贵方时钟及时区。`,
    }
    return [{ pointer: '/time', code: 'time-ahead', message }]
  }
  if (-aheadSeconds <= maxAgeSeconds) return []
  const message = {
    en: `time is more than ${maxAgeSeconds} seconds ago: time is when the event was made; make and sign it anew.`,
    zh: `time 早于当前 ${maxAgeSeconds} 秒以上：time 为事件生成时间，请重新生成并签名。`,
  }
  return [{ pointer: '/time', code: 'time-too-old', message }]
}

type SubjectCheck = (
  event: JsonObject,
  data: JsonObject | undefined,
  schemaFindings: readonly Finding[],
  context: CodeContext,
) => readonly Finding[]

function subjectCheck(kind: Kind): SubjectCheck {
  const { field, code, pattern } = kind.subject
  const shape = pattern === undefined ? undefined : new BoundedPattern(pattern)
  const checkCode = code === undefined ? undefined : codeCheckOf(code)
  if (code !== undefined && !checkCode)
    throw new Error(`the kind ${kind.id} names the code check "${code}", which does not exist`)
  const message = { en: `subject must equal ${field} in data.`, zh: `subject 必须与 data 中的 ${field} 一致。` }
  const differs: Finding = { pointer: '/subject', code: 'subject-differs', message }
  const shapeless = { en: `subject must match the pattern ${pattern}`, zh: `subject 应符合格式 ${pattern}` }

  return (event, data, schemaFindings, context) => {
    const { subject } = event
    if (typeof subject !== 'string') return []
    const findings: Finding[] = []
    if (typeof data?.[field] === 'string' && data[field] !== subject) findings.push(differs)
    if (shape && !shape.test(subject)) findings.push({ pointer: '/subject', code: 'pattern', message: shapeless })
    const fault = findings.length === 0 ? checkCode?.(subject, context) : undefined
    // a subject that equals a wrong code in data is told once, at data
    if (fault?.level !== 'error' || schemaFindings.some(({ pointer }) => pointer === `/data/${field}`)) return findings
    return [{ pointer: '/subject', code: `${code}-${fault.reason}`, message: fault.message }]
  }
}

function dateOf(data: JsonObject | undefined, field: string): string | undefined {
  const date = data?.[field]
  return typeof date === 'string' && isCalendarDate(date) ? date : undefined
}

const tooManyValues: Finding = {
  pointer: '',
  code: 'too-many-values',
  message: {
    en: `An event has at most ${maxValues} fields and list elements, all levels together: split it into several events.`,
    zh: `一个事件各级字段和数组元素合计不得超过 ${maxValues} 个：请拆分为多个事件。`,
  },
}

/** Counts without recursion, since 48 KiB of `[` nest deeper than the stack; stops soon after the bound. */
function countValues(root: JsonObject): number {
  const open: (JsonObject | readonly Json[])[] = [root]
  let count = 0
  for (let value = open.pop(); value !== undefined && count <= maxValues; value = open.pop()) {
    if (isJsonArray(value)) {
      for (const child of value) if (typeof child === 'object' && child !== null) open.push(child)
      count += value.length
      continue
    }
    for (const member in value) {
      const child = value[member]
      if (typeof child === 'object' && child !== null) open.push(child)
      count += 1
    }
  }
  return count
}

function isJsonArray(value: JsonObject | readonly Json[]): value is readonly Json[] {
  return Array.isArray(value)
}

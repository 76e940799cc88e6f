import { Ajv2020, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { isCalendarDate } from '../domain/codes/calendar-date.ts'
import type { Finding } from '../domain/event.ts'
import { chinaDate } from '../domain/fold.ts'
import { maxFindings } from '../domain/refusal.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { boundedRegExp, slowness } from './bounded-pattern.ts'
import type { Catalogue, Kind } from './catalogue.ts'
import { formats } from './formats.ts'
import { checksKeyword, codeKeyword, type KeywordContext } from './keywords.ts'
import { findingsOf } from './messages.ts'
import { quickToCompile } from './quick-to-compile.ts'
import type { TypeRules } from './rules.ts'
import { subjectCheck } from './subject-check.ts'
import { countFewer } from './text-length.ts'
import { hasTooManyValues, tooManyValues } from './value-count.ts'

const ajv = newAjv()

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
  const checkSubject = subjectCheck(kind, options.data)

  return (event, now) => {
    if (hasTooManyValues(event)) return { errors: [tooManyValues], warnings: [] }
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
 * Makes the check of a bureau's own record schema. Its pointers begin at the record's data; what is merely odd is left out. `today` is
 * the day of the event that is folded, so that a view built again comes out the same.
 *
 * @throws Error when the schema has faults, see {@link schemaFaults}
 */
export function compileRecordCheck(schema: object): (data: JsonObject, today: string) => readonly Finding[] {
  const check = compile(schema)
  return (data, today) => {
    const context: KeywordContext = { today, warnings: [] }
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

function dateOf(data: JsonObject | undefined, field: string): string | undefined {
  const date = data?.[field]
  return typeof date === 'string' && isCalendarDate(date) ? date : undefined
}

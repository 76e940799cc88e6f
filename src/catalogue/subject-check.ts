import type { CodeContext } from '../domain/codes/code-check.ts'
import { codeCheckOf } from '../domain/codes/code-checks.ts'
import type { Finding } from '../domain/event.ts'
import { own } from '../domain/pointer.ts'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { BoundedPattern } from './bounded-pattern.ts'
import type { Kind } from './catalogue.ts'
import { patternText } from './pattern-text.ts'

export type SubjectCheck = (
  event: JsonObject,
  data: JsonObject | undefined,
  schemaFindings: readonly Finding[],
  context: CodeContext,
) => readonly Finding[]

/**
 * Makes the check of an event's subject: it equals its field in data, and is a code of its kind.
 *
 * @param schema of data: where it asks the same of the same text, it need not be asked again
 */
export function subjectCheck(kind: Kind, schema: object): SubjectCheck {
  const { field, code, pattern } = kind.subject
  const shape = pattern === undefined ? undefined : { pattern: new BoundedPattern(pattern), message: patternText(pattern) }
  const checkCode = code === undefined ? undefined : codeCheckOf(code)
  if (code !== undefined && !checkCode)
    throw new Error(`the kind ${kind.id} names the code check "${code}", which does not exist`)
  const isAskedInData = code !== undefined && codeAskedOf(schema, field) === code
  const message = { en: `subject must equal ${field} in data.`, zh: `subject 必须与 data 中的 ${field} 一致。` }
  const differs: Finding = { pointer: '/subject', code: 'subject-differs', message }

  return (event, data, schemaFindings, context) => {
    const { subject } = event
    if (typeof subject !== 'string') return []
    const findings: Finding[] = []
    if (typeof data?.[field] === 'string' && data[field] !== subject) findings.push(differs)
    if (shape && !shape.pattern.test(subject)) findings.push({ pointer: '/subject', code: 'pattern', message: shape.message })
    if (isAskedInData && data?.[field] === subject) return findings
    const fault = findings.length === 0 ? checkCode?.(subject, context) : undefined
    // a subject that equals a wrong code in data is told once, at data
    if (fault?.level !== 'error' || schemaFindings.some(({ pointer }) => pointer === `/data/${field}`)) return findings
    return [{ pointer: '/subject', code: `${code}-${fault.reason}`, message: fault.message }]
  }
}

function codeAskedOf(schema: object, member: string): Json | undefined {
  const properties = isJsonObject(schema) ? own(schema, 'properties') : undefined
  const field = isJsonObject(properties) ? own(properties, member) : undefined
  return isJsonObject(field) ? own(field, 'code') : undefined
}

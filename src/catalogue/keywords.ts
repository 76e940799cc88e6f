import type { AnySchemaObject, ErrorObject, FuncKeywordDefinition } from 'ajv'
import type { DataValidationCxt, SchemaValidateFunction } from 'ajv/dist/types/index.js'
import type { CodeContext, CodeFault } from '../domain/codes/code-check.ts'
import { codeCheckOf, codeChecks } from '../domain/codes/code-checks.ts'
import type { Finding } from '../domain/event.ts'
import { isJsonObject, type Text } from '../domain/text.ts'
import { checkOf } from './object-checks.ts'

/** What Ajv's `passContext` hands to the keywords as `this`: the dates they need and the place for what is merely odd. */
export interface KeywordContext extends CodeContext {
  readonly warnings: Finding[]
}

/** A warnings list ends here, as an error list does. */
export const maxWarnings = 200

/**
 * `"code": "<name>"` on a string: the check of that name in src/domain/codes/code-checks.ts.
 * Findings have the code `<name>-<reason>`.
 */
export const codeKeyword: FuncKeywordDefinition = {
  keyword: 'code',
  type: 'string',
  schemaType: 'string',
  errors: 'full',
  compile(name: string) {
    const check = codeCheckOf(name)
    if (!check) throw new Error(`there is no code check "${name}"; there are ${Object.keys(codeChecks).join(', ')}`)
    const validate: SchemaValidateFunction = function (this: KeywordContext, value: string, at?: DataValidationCxt) {
      const fault = check(value, this)
      if (!fault) return true
      const errors = told(this, fault, `${name}-${fault.reason}`, at?.instancePath ?? '')
      if (errors.length === 0) return true
      validate.errors = errors
      return false
    }
    return validate
  },
}

/** `"checks": [{"check": "date-order", …}, …]` on an object: what its members say together. See object-checks.ts. */
export const checksKeyword: FuncKeywordDefinition = {
  keyword: 'checks',
  type: 'object',
  schemaType: 'array',
  errors: 'full',
  compile(rules: unknown[], parentSchema: AnySchemaObject) {
    const checks = rules.map((rule) => checkOf(rule, membersOf(parentSchema)))
    const validate: SchemaValidateFunction = function (this: KeywordContext, value: unknown, at?: DataValidationCxt) {
      if (!isJsonObject(value)) return true
      const errors: Partial<ErrorObject>[] = []
      for (const check of checks) {
        const found = check(value, this)
        if (found) errors.push(...told(this, found.fault, found.code, `${at?.instancePath ?? ''}/${found.member}`))
      }
      if (errors.length === 0) return true
      validate.errors = errors
      return false
    }
    return validate
  },
}

/** The members that a check can name; undefined where the schema says them somewhere else. */
function membersOf(schema: AnySchemaObject): ReadonlySet<string> | undefined {
  if (!isJsonObject(schema.properties) || '$ref' in schema || 'allOf' in schema) return undefined
  return new Set(Object.keys(schema.properties))
}

/** An error of these keywords, as messages.ts reads it. */
export interface CodeErrorParams {
  readonly code: string
  readonly text: Text
}

/** Keeps a warning on the context; an error is what Ajv gets. */
function told(context: KeywordContext, { level, message }: CodeFault, code: string, instancePath: string) {
  if (level === 'error') {
    const params: CodeErrorParams = { code, text: message }
    return [{ keyword: 'code', instancePath, params, message: message.en }]
  }
  if (context.warnings.length < maxWarnings) context.warnings.push({ pointer: instancePath, code, message })
  return []
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { isJsonObject } from '../domain/text.ts'
import type { Catalogue } from './catalogue.ts'
import { quickToCompile } from './quick-to-compile.ts'

/** What the catalogue's own JSON Schema says of a file. `catalogue` is there when everything has its type, so that more can be asked of it. */
export interface Shape {
  readonly faults: readonly string[]
  readonly catalogue: Catalogue | undefined
}

/** Compares a parsed `catalogue.json` with `schemas/catalogue.schema.json`. */
export function shapeOf(value: unknown): Shape {
  validate ??= compiled()
  validate(value)
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if') // it only repeats what its branch says
  return { faults: [...new Set(errors.map(faultOf))], catalogue: isShaped(value, errors) ? value : undefined }
}

// Errors of these keywords leave every member with its type.
const aboutValues = [
  'additionalProperties',
  'const',
  'enum',
  'format',
  'maxItems',
  'maxLength',
  'maximum',
  'minItems',
  'minLength',
  'minimum',
  'pattern',
  'uniqueItems',
]

function isShaped(_value: unknown, errors: readonly ErrorObject[]): _value is Catalogue {
  return errors.every(({ keyword }) => aboutValues.includes(keyword))
}

function faultOf({ instancePath, keyword, message, params }: ErrorObject): string {
  const place = `catalogue.json ${instancePath || '/'}`
  if (keyword === 'additionalProperties') return `${place} has the unknown member ${String(params.additionalProperty)}`
  if (keyword === 'enum') return `${place} must be one of ${listed(params.allowedValues)}`
  if (keyword === 'const') return `${place} must be ${JSON.stringify(params.allowedValue)}`
  return `${place} ${message ?? keyword}`
}

const listed = (values: unknown) => (Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(', ') : '')

// The same two levels up from src/catalogue and from dist/catalogue.
const schemaPath = join(import.meta.dirname, '..', '..', 'schemas', 'catalogue.schema.json')

let validate: ValidateFunction | undefined

function compiled(): ValidateFunction {
  const schema: unknown = JSON.parse(readFileSync(schemaPath, 'utf8'))
  if (!isJsonObject(schema)) throw new Error(`${schemaPath} is no JSON Schema`)
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    // it is ours, and a test compares it with JSON Schema 2020-12
    validateSchema: false,
    // one function for what is referred to often, not its code at each place
    inlineRefs: false,
    ...quickToCompile,
  })
  ajv.addFormat('regex', isRegex)
  return ajv.compile(schema)
}

function isRegex(text: string): boolean {
  try {
    return new RegExp(text, 'u') !== undefined
  } catch {
    return false
  }
}

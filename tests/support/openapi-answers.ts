import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { expect } from 'vitest'
import { openapiDocument } from '../../src/arrival/openapi.ts'
import type { Rules } from '../../src/catalogue/rules.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'

/** Holds answers against the OpenAPI document of some rules. */
export class OpenapiAnswers {
  readonly #document: JsonObject
  readonly #ajv: Ajv2020

  constructor(rules: Rules) {
    this.#document = openapiDocument(rules)
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
    formats.default(this.#ajv)
    this.#ajv.addSchema(this.#document, 'openapi')
  }

  /**
   * Fails unless the document has this status for the operation, its media type, every header it promises, and a
   * schema that the body satisfies. Addresses that it doesn't have must be answered by 404 or 405.
   */
  async check(method: string, path: string, response: Response): Promise<void> {
    const what = `${method} ${path} → ${response.status}`
    const place = this.#placeOf(path)
    if (place === undefined) return expect([404, 405], `${what}: the document has no such path`).toContain(response.status)
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
    const operation = object(object(this.#document.paths)[place])[verb]
    if (operation === undefined) return expect(response.status, `${what}: the document has no such method`).toBe(405)
    const answer = object(object(operation).responses)[String(response.status)]
    expect(answer, `${what} is in the document`).toBeDefined()
    for (const [name, header] of Object.entries(object(object(answer).headers ?? {})))
      if (object(header).required === true) expect(response.headers.has(name), `${what} has the header ${name}`).toBe(true)
    const content = object(object(answer).content ?? {})
    const mediaType = response.headers.get('content-type')?.split(';')[0] ?? ''
    if (Object.keys(content).length > 0) expect(Object.keys(content), `media type of ${what}`).toContain(mediaType)
    if (method === 'HEAD' || !mediaType.endsWith('json')) return
    const pointer = ['paths', place, verb, 'responses', String(response.status), 'content', mediaType, 'schema']
    const validate = this.#validatorAt(pointer)
    const body: unknown = await response.clone().json()
    expect(validate(body) ? [] : validate.errors, `body of ${what}: ${JSON.stringify(body).slice(0, 500)}`).toEqual([])
  }

  /** Whether a request body is one that the document describes. */
  describes(schema: string, value: unknown): boolean {
    return this.#validatorAt(['components', 'schemas', schema])(value) === true
  }

  #validatorAt(pointer: readonly string[]): ValidateFunction {
    const encoded = pointer.map((one) => encodeURIComponent(one.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
    const validate = this.#ajv.getSchema(`openapi#/${encoded}`)
    if (validate === undefined) throw new Error(`the document has nothing at ${pointer.join(' ')}`)
    return validate
  }

  /** The document's path for an address: the one with the fewest parameters that fits. */
  #placeOf(path: string): string | undefined {
    const [address = ''] = path.split('?')
    const fits = (template: string) => new RegExp(`^${template.replace(/\{[a-z]+\}/gi, '[^/]+')}$`).test(address)
    const parameters = (template: string) => template.split('{').length
    return Object.keys(object(this.#document.paths))
      .filter(fits)
      .sort((a, b) => parameters(a) - parameters(b))[0]
  }
}

function object(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw new Error(`no object: ${JSON.stringify(value)}`)
  return value
}

import { describe, expect, it } from 'vitest'
import { routes } from '../../src/arrival/app.ts'
import { openapiDocument } from '../../src/arrival/openapi.ts'
import { compileRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import { problems } from '../../src/domain/problems.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { shippedCatalogue } from '../support/catalogue-folder.ts'
import { customsCatalogue } from '../support/customs-catalogue.ts'
import { cloudEventOf, examples } from '../support/examples.ts'
import { OpenapiAnswers } from '../support/openapi-answers.ts'

const rules = compileRules(await readCatalogueFiles(shippedCatalogue))
const document = openapiDocument(rules)

/** The addresses that the document has in place of a route with a wildcard. */
const tiles = [
  '/log/tile/{level}/{tile}',
  '/log/tile/{level}/{tile}/{width}',
  '/log/tile/entries/{tile}',
  '/log/tile/entries/{tile}/{width}',
]

function operationsOf(of: JsonObject): { method: string; path: string; operation: JsonObject }[] {
  return entries(of.paths).flatMap(([path, methods]) =>
    entries(methods).map(([method, operation]) => ({ method, path, operation: Object.fromEntries(entries(operation)) })),
  )
}

function entries(value: unknown): [string, JsonObject[string]][] {
  return isJsonObject(value) ? Object.entries(value) : []
}

describe('the OpenAPI document', () => {
  it('has every route and no other', () => {
    const described = operationsOf(document).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    const served = routes.flatMap(([method, path]) => {
      const addresses = path === '/log/tile/*' ? tiles : [path.replace(/:([a-z]+)/g, '{$1}')]
      return addresses.map((address) => `${method} ${address}`)
    })
    expect(described.sort()).toEqual(served.sort())
  })

  it('names every problem where it can come', () => {
    const codes = new Set(JSON.stringify(operationsOf(document)).match(/(?<=`)[a-z-]+(?=`: )/g))
    expect([...codes].sort()).toEqual(Object.keys(problems).sort())
  })

  it('refers to nothing that it has not, and names each operation once', () => {
    const schemas = new Set(
      entries(document.components).flatMap(([name, of]) => (name === 'schemas' ? entries(of).map(([key]) => key) : [])),
    )
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"/]+)"/g)].map(
      ([, name]) => name ?? '',
    )
    expect(refs.filter((name) => !schemas.has(name))).toEqual([])
    const ids = operationsOf(document).map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('declares every parameter of a path', () => {
    for (const { path, operation } of operationsOf(document)) {
      const inPath = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name)
      const declared = Array.isArray(operation.parameters) ? operation.parameters : []
      expect(
        declared.filter((one) => one.in === 'path').map((one) => one.name),
        path,
      ).toEqual(inPath)
    }
  })

  it('describes the events: every example fits its type’s schema, and no other type’s', () => {
    const answers = new OpenapiAnswers(rules)
    for (const example of examples()) {
      const event = cloudEventOf(example, 'one', new Date())
      expect(answers.describes(example.type, event), example.type).toBe(true)
      expect(answers.describes('Event', event), example.type).toBe(true)
      expect(answers.describes(example.type, { ...event, colour: 'red' })).toBe(false)
    }
  })

  it('follows the catalogue: what files add is in it', async () => {
    const more = openapiDocument(compileRules(await readCatalogueFiles(await customsCatalogue())))
    expect(JSON.stringify(more)).toContain('transfer.issued.v1')
    expect(JSON.stringify(document)).not.toContain('transfer.issued.v1')
  })

  it('is made once for the rules in force', () => {
    expect(openapiDocument(rules)).toBe(document)
  })
})

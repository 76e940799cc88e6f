import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { catalogueDigests, readCatalogueFiles } from '../../src/catalogue/load.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { signOperation } from '../../src/identity/operation-request.ts'
import type { SigningKey } from '../../src/identity/private-key.ts'
import type { Gateway } from './gateway.ts'

export interface Operated {
  readonly status: number
  readonly body: JsonObject
}

/** An operator's act, signed and posted. */
export async function operate(
  gateway: Gateway,
  path: string,
  action: string,
  details: JsonObject,
  { reason = 'a test', by = gateway.key('operator') }: { reason?: string; by?: SigningKey } = {},
): Promise<Operated> {
  const request = await signOperation(by, { action, reason, log: gateway.parts.origin, details })
  return post(gateway, path, { request })
}

/** Puts a catalogue in force, as `catalogue apply` does. */
export async function applyCatalogue(gateway: Gateway, cataloguePath: string): Promise<Operated> {
  const files = await readCatalogueFiles(cataloguePath)
  const details = { files: catalogueDigests(files) }
  const request = await signOperation(gateway.key('operator'), {
    action: 'apply-catalogue',
    reason: 'a test',
    log: gateway.parts.origin,
    details,
  })
  return post(gateway, '/v1/operations/catalogue', { request, files: Object.fromEntries(files) })
}

/** Writes one more office into the table of a catalogue made by statisticsCatalogue(). */
export async function writeOffices(cataloguePath: string, change: (offices: Record<string, string>) => Record<string, string>) {
  const file = join(dirname(cataloguePath), 'offices.json')
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')))))
}

async function post(gateway: Gateway, path: string, body: JsonObject): Promise<Operated> {
  const headers = { 'content-type': 'application/json' }
  const response = await gateway.request(path, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: response.status, body: await objectOf(response) }
}

/** What a party reads at an address. */
export async function readObject(gateway: Gateway, path: string, party: string): Promise<JsonObject> {
  return objectOf(await gateway.get(path, party))
}

async function objectOf(response: Response): Promise<JsonObject> {
  const body: unknown = await response.json()
  if (!isJsonObject(body)) throw new Error('the answer is no JSON object')
  return body
}

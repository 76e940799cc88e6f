import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isJsonObject, type JsonObject } from '../../src/domain/text.ts'
import { importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signAccessToken, signEvent } from '../../src/identity/sign.ts'
import { cloudEventOf, type Example } from './examples.ts'

export const origin = 'localhost/lianban'

export interface Answered {
  readonly status: number
  readonly body: JsonObject
}

/** The parties of an exchange, with the development keys that its first start made. */
export interface Bureaus {
  /** a whole event around an example, signed by the party that its `source` names */
  sign(example: Example, id?: string): Promise<string>
  /** @param url of any of the gateways */
  send(url: string, compact: string): Promise<Answered>
  /** sign() and send() */
  post(url: string, example: Example, id?: string): Promise<Answered>
  get(url: string, path: string, party: string): Promise<Answered>
  record(url: string, bureau: string, kind: string, subject: string): Promise<Answered>
}

/**
 * @param folder `<DATA_DIR>/keys`
 * @param requestTimeoutMs how long each request waits for its answer
 */
export async function bureausOf(folder: string, requestTimeoutMs = 30_000): Promise<Bureaus> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.jwk'))
  const read = (name: string) => importSigningKey(JSON.parse(readFileSync(join(folder, name), 'utf8')))
  const keys = new Map(await Promise.all(names.map(async (name) => [name.slice(0, -'.jwk'.length), await read(name)] as const)))
  const keyOf = (party: string): SigningKey => {
    const key = keys.get(party)
    if (key === undefined) throw new Error(`${folder} has no key of ${party}`)
    return key
  }
  const ask = async (url: string, init: RequestInit): Promise<Answered> => {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(requestTimeoutMs) })
    const body: unknown = await response.json()
    if (!isJsonObject(body)) throw new Error(`${url} answered no JSON object`)
    return { status: response.status, body }
  }
  const bureaus: Bureaus = {
    sign: (example, id = randomUUID()) => signEvent(keyOf(example.source), cloudEventOf(example, id, new Date())),
    send: (url, compact) =>
      ask(`${url}/v1/events`, { method: 'POST', body: compact, headers: { 'content-type': 'application/jose' } }),
    post: async (url, example, id) => bureaus.send(url, await bureaus.sign(example, id)),
    get: async (url, path, party) => {
      const token = await signAccessToken(keyOf(party), { audience: origin })
      return ask(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    },
    record: (url, bureau, kind, subject) => bureaus.get(url, `/v1/bureaus/${bureau}/records/${kind}/${subject}`, bureau),
  }
  return bureaus
}

/** The index that an accepted event got. */
export function indexOf({ status, body }: Answered): number {
  if ((status !== 201 && status !== 200) || typeof body.index !== 'number')
    throw new Error(`not accepted: ${status} ${JSON.stringify(body)}`)
  return body.index
}

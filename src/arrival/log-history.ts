import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import type { KeyLife } from '../log/key-history.ts'
import { maxPage } from '../view/queries.ts'
import { authenticateAuditor } from './auditor.ts'
import { notKept } from './not-kept.ts'
import { cursor, pageSize, partyId, readIndex } from './parameters.ts'
import type { Parts } from './parts.ts'
import { type Parameter, type Query, readQuery, refuseQuery } from './query.ts'
import { recordReading } from './record-reading.ts'

/** `GET /v1/log/parties/{party}/keys`: a party that the catalogue no longer has keeps its history. */
export async function getKeyHistory(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  refuseQuery(c)
  const party = c.req.param('party') ?? ''
  const lives = partyId.read(party) === undefined ? [] : await parts.log.keyHistory(party)
  if (lives.length === 0 && !parts.keeper.inForce.rules.parties.has(party)) throw new RefusedRequest('not-found', noParty)
  await recordReading(auditor, parts)
  return c.json({ party, keys: lives.map(keyJson) }, 200, notKept)
}

function keyJson({ key, registered, revoked, signed }: KeyLife) {
  const { kid, algorithm, thumbprint, jwk } = key
  const { index, received, by } = registered
  return {
    kid,
    algorithm,
    thumbprint,
    jwk,
    registered: { index, received: received.toISOString(), vouchedBy: by },
    ...(revoked && {
      revoked: {
        index: revoked.index,
        received: revoked.received.toISOString(),
        revokedBy: revoked.by,
        reason: revoked.reason,
        compromisedSince: revoked.compromisedSince,
      },
    }),
    signed,
  }
}

/** `GET /v1/log/catalogues?after=&limit=` */
export async function getCatalogueHistory(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const { catalogues, next } = await parts.log.catalogueHistory(readQuery(c, readPage))
  await recordReading(auditor, parts)
  const shown = catalogues.map(({ index, received, version, by, files, difference }) => ({
    index,
    received: received.toISOString(),
    version,
    ...(by && { appliedBy: { party: by.party, kid: by.kid }, reason: by.reason }),
    files,
    ...(difference && { difference }),
  }))
  return c.json({ catalogues: shown, ...(next === undefined ? {} : { next }) }, 200, notKept)
}

/** `GET /v1/log/consistency?from=&to=` between two sizes of the log */
export async function getConsistency(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const size = await parts.log.size()
  const { first, second } = readQuery(c, (query) => readSizes(query, size))
  const proof = await parts.log.consistency(first, second)
  if (proof === undefined) throw new Error(`no proof from ${first} to ${second}`)
  await recordReading(auditor, parts)
  return c.json({ from: first, to: second, proof: proof.map((hash) => hash.toString('base64')) }, 200, notKept)
}

function readPage(query: Query) {
  return { after: query.read('after', cursor), limit: query.read('limit', pageSize) ?? maxPage }
}

function readSizes(query: Query, size: number): { readonly first: number; readonly second: number } {
  const [first = 0, second = size] = [query.need('from', sizeOfLog), query.read('to', sizeOfLog)]
  if (second > size)
    query.mustBe('to', { en: `a size that the log has had; it has ${size} entries`, zh: `日志曾有的大小；现有 ${size} 条` })
  if (first > second) query.mustBe('from', { en: 'a size from 0 to that of `to`', zh: '0 到 `to` 之间的大小' })
  return { first, second }
}

const sizeOfLog: Parameter<number> = {
  read: readIndex,
  must: { en: 'a size of the log, in decimal digits', zh: '日志大小（十进制数字）' },
}

const noParty = { en: 'there is no such party, and there never was a key of it', zh: '没有此参与方，也从未有过其密钥' }

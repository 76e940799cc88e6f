import type { Catalogue } from '../catalogue/catalogue.ts'
import { type CatalogueDifference, catalogueDifference } from '../catalogue/difference.ts'
import { catalogueName } from '../catalogue/load.ts'
import { shapeOf } from '../catalogue/shape.ts'
import type { RawSql } from '../database/connect.ts'
import { payloadOfLogged, splitCompact } from '../identity/compact.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import type { CatalogueEntry } from './entry.ts'
import { decodePlace, encodePlace } from './place.ts'

/** A catalogue that was put in force. */
export interface CatalogueLife {
  readonly index: number
  readonly received: Date
  readonly version: string
  /** who applied it, and why; undefined at index 0, when nobody could sign yet */
  readonly by: { readonly party: string; readonly kid: string; readonly reason: string } | undefined
  /** SHA-256, hex, by name */
  readonly files: Readonly<Record<string, string>>
  /** to the catalogue before it; undefined at index 0 */
  readonly difference: CatalogueDifference | undefined
}

export interface CatalogueLives {
  readonly catalogues: readonly CatalogueLife[]
  readonly next?: string
}

interface CatalogueRow {
  readonly index: number
  readonly received: Date
  readonly party: string | null
  readonly entry: string
}

/**
 * The log's catalogues, oldest first, each compared with the one before.
 *
 * @param limit 1 to 100
 * @throws {RefusedRequest} `invalid-request` for an `after` that no page gave
 */
export async function catalogueHistory(
  sql: RawSql,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<CatalogueLives> {
  const place = after === undefined ? -1 : decodePlace(after)
  const rows = await sql<CatalogueRow[]>`
    select index, received, party, entry from log.entries
    where kind in ('key', 'catalogue') and kind = 'catalogue' and index > ${place} order by index limit ${limit + 1}`
  const page = rows.slice(0, limit)
  const [before] = await sql<CatalogueRow[]>`
    select index, received, party, entry from log.entries
    where kind in ('key', 'catalogue') and kind = 'catalogue' and index <= ${place} order by index desc limit 1`
  let previous = before && (await read(sql, before))
  const catalogues: CatalogueLife[] = []
  for (const row of page) {
    const one = await read(sql, row)
    const { index, received } = row
    const { catalogue, files } = one
    const difference = previous && catalogueDifference(previous, one)
    catalogues.push({ index, received, version: catalogue.version, by: appliedBy(row, one.request), files, difference })
    previous = one
  }
  const last = page.at(-1)
  return { catalogues, ...(rows.length > limit && last ? { next: encodePlace(last.index) } : {}) }
}

interface ReadCatalogue {
  readonly catalogue: Catalogue
  readonly files: Readonly<Record<string, string>>
  readonly request: string | undefined
}

async function read(sql: RawSql, { index, entry }: CatalogueRow): Promise<ReadCatalogue> {
  const { files, request }: CatalogueEntry = JSON.parse(entry)
  const digest = files[catalogueName] ?? ''
  const [blob] = await sql<{ content: string }[]>`select content from log.blobs where digest = ${digest}`
  const { catalogue } = shapeOf(blob && parseStrictJson(Buffer.from(blob.content)))
  if (catalogue === undefined) throw new Error(`the catalogue of entry ${index} is not among the log's files`)
  return { catalogue, files, request }
}

/** What the operator's request says, which was verified before the entry was logged. */
function appliedBy({ party }: CatalogueRow, request: string | undefined): CatalogueLife['by'] {
  if (request === undefined) return undefined
  const { kid } = parseStrictJson(splitCompact(request).header)
  const { reason } = payloadOfLogged(request)
  return { party: party ?? '', kid: String(kid), reason: String(reason) }
}

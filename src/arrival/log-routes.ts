import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import { encodeBundle, parseTilePath } from '../log/tile.ts'
import { authenticateAuditor } from './auditor.ts'
import type { Parts } from './parts.ts'
import { recordReading } from './record-reading.ts'

/** What a given width of a tile holds never changes. */
const forEver = 'max-age=31536000, immutable'

/** `GET /log/checkpoint` */
export async function getCheckpoint(_c: Context, { log }: Parts): Promise<Response> {
  return new Response(await log.checkpoint(), {
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
  })
}

/** `GET /log/tile/<L>/<N>[.p/<W>]`, for everybody; `GET /log/tile/entries/<N>[.p/<W>]`, for auditors. */
export async function getTile(c: Context, parts: Parts): Promise<Response> {
  const tile = parseTilePath(c.req.path.slice('/log/'.length))
  if (tile?.level === 'entries') return getBundle(c, parts, tile.n, tile.width)
  const hashes = tile === undefined ? undefined : await parts.log.tile(tile.level, tile.n, tile.width)
  if (hashes === undefined) throw notFound()
  return octets(hashes, `public, ${forEver}`)
}

async function getBundle(c: Context, parts: Parts, n: number, width: number): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const entries = await parts.log.entries(n, width)
  if (entries === undefined) throw notFound()
  await recordReading(auditor, parts)
  return octets(encodeBundle(entries), `private, ${forEver}`, 'authorization')
}

/** `GET /log/blob/<sha-256>`: a file of a catalogue, by digest. */
export async function getBlob(c: Context, parts: Parts): Promise<Response> {
  const auditor = await authenticateAuditor(c, parts)
  const digest = c.req.param('digest') ?? ''
  const content = /^[0-9a-f]{64}$/.test(digest) ? await parts.log.blob(digest) : undefined
  if (content === undefined) throw notFound()
  await recordReading(auditor, parts)
  return octets(Buffer.from(content), `private, ${forEver}`, 'authorization')
}

function octets(bytes: Buffer, cacheControl: string, vary?: string): Response {
  const headers = {
    'content-type': 'application/octet-stream',
    'cache-control': cacheControl,
    ...(vary === undefined ? {} : { vary }),
  }
  return new Response(new Uint8Array(bytes), { headers })
}

const notFound = () =>
  new RefusedRequest('not-found', {
    en: 'the log has no such tile, bundle or file, or not yet',
    zh: '日志中没有或尚无此分片、条目包或文件',
  })

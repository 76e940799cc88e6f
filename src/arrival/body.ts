import type { Context } from 'hono'
import { RefusedRequest } from '../domain/refusal.ts'
import { flattenedToCompact, maxEventBytes } from '../identity/compact.ts'

/** A flattened JWS has JSON around its three parts, and may be spaced out. */
const maxFlattenedBytes = maxEventBytes + 8 * 1024

/**
 * The signed event of a request, in compact form whatever form it came in.
 *
 * @throws {RefusedRequest} `unsupported-media-type` (415), `too-large` (413), `malformed` (400)
 */
export async function readSignedEvent(c: Context): Promise<string> {
  const mediaType = mediaTypeOf(c)
  if (mediaType === 'application/jose') return (await readBounded(c, maxEventBytes)).toString('utf8')
  if (mediaType !== 'application/jose+json') throw new RefusedRequest('unsupported-media-type', wrongMediaType)
  const compact = flattenedToCompact(await readBounded(c, maxFlattenedBytes))
  if (compact.length > maxEventBytes) throw tooLarge(maxEventBytes)
  return compact
}

/** Without its parameters, in small letters. */
export function mediaTypeOf(c: Context): string | undefined {
  return c.req.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
}

/**
 * A body, never more of it in memory than its bound.
 *
 * @param maxBytes longer bodies are refused, as soon as their length is known
 * @param withinMs for a body that others wait behind; a whole request has the server's `requestTimeoutMs` in any case
 * @throws {RefusedRequest} `unsupported-media-type` when it is compressed, `too-large`, `request-timeout` when it did not come whole
 */
export async function readBounded(c: Context, maxBytes: number, withinMs?: number): Promise<Buffer> {
  if (!/^(identity)?$/i.test(c.req.header('content-encoding') ?? '')) throw new RefusedRequest('unsupported-media-type', encoded)
  const length = c.req.header('content-length')
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes)
  const late = withinMs === undefined ? undefined : AbortSignal.timeout(withinMs)
  try {
    if (length !== undefined && late === undefined) return Buffer.from(await c.req.arrayBuffer())
    return await readInParts(c, maxBytes, late)
  } catch (error) {
    if (error instanceof RefusedRequest) throw error
    // otherwise the sender hung up or took the server's time; Node closes the connection, and nobody reads this answer
    throw new RefusedRequest('request-timeout', late?.aborted ? tooSlow : notWhole)
  }
}

async function readInParts(c: Context, maxBytes: number, late: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  const kept = new WritableStream<Uint8Array>({
    write(chunk) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
    },
  })
  await c.req.raw.body?.pipeTo(kept, late && { signal: late })
  return Buffer.concat(chunks)
}

const notWhole = { en: 'the request did not arrive whole', zh: '请求未完整到达' }
const tooSlow = {
  en: 'the body came too slowly, and others wait for their turn; send it again over a faster connection',
  zh: '请求体到达过慢，其他请求在等待；请使用更快的连接重发',
}

const tooLarge = (maxBytes: number) =>
  new RefusedRequest('too-large', {
    en: `the body may have at most ${maxBytes} bytes`,
    zh: `请求体最多 ${maxBytes} 字节`,
  })

/** What a few bytes unfold to has no bound that is known before. */
const encoded = {
  en: 'send the body as it is, without Content-Encoding: compressed ones are not taken',
  zh: '请直接发送请求体，不使用 Content-Encoding：不接受压缩内容',
}

const wrongMediaType = {
  en: 'send Content-Type: application/jose or application/jose+json',
  zh: '请使用 Content-Type: application/jose 或 application/jose+json',
}

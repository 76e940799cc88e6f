import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { withDeadline } from '../deadline.ts'
import { isJsonObject, type JsonObject } from '../domain/text.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { signAccessToken } from '../identity/sign.ts'
import { readStream } from './bounded-stream.ts'
import { type LogSource, SourceFailed } from './log-source.ts'
import { sourceOfFiles } from './source-files.ts'

export interface HttpSourceOptions {
  /** an auditor's key; without one only what is public can be read */
  readonly key?: SigningKey | undefined
  /** the log's origin, from its vkey: whom tokens are made out to */
  readonly origin?: string | undefined
  /** ends requests and the pauses between them */
  readonly signal?: AbortSignal | undefined
  /** how often a request is made before its answer is given up */
  readonly tries?: number | undefined
  /** told in a sentence before a request is made again */
  readonly onAgain?: ((why: string) => void) | undefined
}

/** A log over HTTP: a running exchange, or an export that somebody serves. */
export interface HttpSource extends LogSource {
  /** `operation` entries that an exchange has made of this reading: one for each access token that was shown */
  readonly readings: number
  /**
   * What an exchange, and no mere file server, answers to an auditor.
   *
   * @param path below the exchange's address, such as `/v1/log/entries?subject=…`
   * @throws {SourceFailed}
   */
  json(path: string): Promise<JsonObject>
}

/** About half a minute in all: an exchange that restarts is back by then. */
const defaultTries = 7
const firstPauseMs = 250
const longestPauseMs = 10_000
/** The exchange answers within 20 s or not at all; a large bundle takes its time on a thin line. */
const requestTimeoutMs = 60_000
/** As long as an exchange allows: each token that is shown becomes an entry of the log. */
const tokenLifetimeSeconds = 300
/** Before it expires, and before a clock that runs somewhat ahead says so. */
const tokenReuseMs = 200_000
/** More are never under way at once; Node warns of a leak where there are. */
const maxRequests = 100
const maxJsonBytes = 32 * 1024 * 1024
const maxProblemBytes = 64 * 1024

/**
 * @param url of an exchange, whose log lies under `/log`, or of the log itself
 * @throws {SourceFailed} when neither has a checkpoint
 */
export async function httpSource(url: string, options: HttpSourceOptions = {}): Promise<HttpSource> {
  const base = url.replace(/\/+$/, '')
  const client = new Client(options)
  const prefixes = base.endsWith('/log') ? [base] : [`${base}/log`, base]
  let other: string | undefined
  for (const prefix of prefixes) {
    const files = {
      name: prefix,
      read: (path: string, maxBytes: number) =>
        client.get(`${prefix}/${path}`, maxBytes, /^(tile\/entries|blob|index)\//.test(path)),
      close: () => Promise.resolve(),
    }
    const shown = await files.read('checkpoint', maxProblemBytes)
    if (shown === undefined) continue
    if (!claimsToBeCheckpoint(shown.toString('utf8'))) {
      other ??= prefix
      continue
    }
    const log = sourceOfFiles(files)
    return {
      ...log,
      async checkpoint() {
        const note = await log.checkpoint()
        if (!claimsToBeCheckpoint(note)) throw noLog(prefix)
        return note
      },
      get readings() {
        return client.tokens
      },
      async json(path) {
        const bytes = await client.get(`${prefix.replace(/\/log$/, '')}${path}`, maxJsonBytes, true)
        if (bytes === undefined) throw new SourceFailed('missing', `${base} has no ${path}`)
        return parsed(bytes, `${base}${path}`)
      },
    }
  }
  if (other !== undefined) throw noLog(other)
  throw new SourceFailed(
    'missing',
    `${base} has no log: ${prefixes.map((prefix) => `${prefix}/checkpoint`).join(' and ')} are not there`,
  )
}

/** What has neither a signature line nor the beginning of a checkpoint, such as a page to log in on, says nothing about any log. */
function claimsToBeCheckpoint(text: string): boolean {
  return /^— \S/mu.test(text) || /^\S+\n\d+\n/.test(text)
}

function noLog(prefix: string): SourceFailed {
  return new SourceFailed(
    'refused',
    `${prefix}/checkpoint answers with something else than a log's checkpoint: is it the exchange's address, and nothing in between that asks for a login?`,
  )
}

class Client {
  readonly #options: HttpSourceOptions
  #token: { readonly text: Promise<string>; readonly madeAt: number } | undefined
  tokens = 0

  constructor(options: HttpSourceOptions) {
    this.#options = options
    // each request under way listens to it, and a verification has more than ten
    if (options.signal !== undefined) setMaxListeners(maxRequests, options.signal)
  }

  async get(url: string, maxBytes: number, withToken: boolean): Promise<Buffer | undefined> {
    const { tries = defaultTries, signal, onAgain } = this.#options
    for (let tried = 1; ; tried++) {
      const answer = await this.#once(url, maxBytes, withToken)
      if (!('again' in answer)) return answer.bytes
      if (tried >= tries || signal?.aborted)
        throw new SourceFailed(
          'away',
          `${url} does not answer (${answer.again}), asked ${tried === 1 ? 'once' : `${tried} times`}`,
        )
      onAgain?.(`${url} does not answer (${answer.again}): asking again, ${tried + 1} of ${tries} times`)
      const growing = Math.min(longestPauseMs, firstPauseMs * 2 ** (tried - 1)) * (0.5 + Math.random() / 2)
      const asked = Math.min(longestPauseMs, answer.afterSeconds * 1000)
      await pause(Math.max(growing, asked), undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
    }
  }

  /** An answer, or why it is worth asking again. */
  async #once(
    url: string,
    maxBytes: number,
    withToken: boolean,
  ): Promise<{ bytes: Buffer | undefined } | { again: string; afterSeconds: number }> {
    try {
      return await withDeadline(requestTimeoutMs, this.#options.signal, async (signal) => {
        const headers = withToken ? await this.#authorization() : {}
        return this.#read(await fetch(url, { headers, redirect: 'manual', signal }), url, maxBytes)
      })
    } catch (error) {
      if (error instanceof SourceFailed) throw error
      // fetch asks nobody at a port of another service, however often it is told to
      if (causeOf(error) === 'bad port')
        throw new SourceFailed('refused', `${url} can't be asked: its port is one that HTTP clients refuse; give the exchange's`)
      return { again: causeOf(error), afterSeconds: 0 }
    }
  }

  async #read(response: Response, url: string, maxBytes: number) {
    const { status, body } = response
    const good = status === 200
    const bytes = body === null ? Buffer.alloc(0) : await readStream(body, good ? maxBytes : maxProblemBytes)
    if (good && bytes === undefined) throw new SourceFailed('refused', `${url} answers with more than ${maxBytes} bytes`)
    if (good || status === 404 || status === 410) return { bytes: good ? bytes : undefined }
    if (status === 429 || status >= 500) {
      const after = Number(response.headers.get('retry-after'))
      return { again: `HTTP ${status}`, afterSeconds: Number.isFinite(after) ? after : 0 }
    }
    if (status >= 300 && status < 400)
      throw new SourceFailed('refused', `${url} sends elsewhere (HTTP ${status}), which a log must not; give its final address`)
    const wantsKey = status === 401 && this.#options.key === undefined
    const advice = wantsKey ? "; give --key with an auditor's key" : ''
    throw new SourceFailed('refused', `${url} refuses (HTTP ${status}): ${reasonOf(bytes) ?? 'it does not say why'}${advice}`)
  }

  async #authorization(): Promise<Record<string, string>> {
    const { key, origin } = this.#options
    if (key === undefined || origin === undefined) return {}
    if (this.#token === undefined || performance.now() - this.#token.madeAt > tokenReuseMs) {
      this.tokens++
      const text = signAccessToken(key, { audience: origin, lifetimeSeconds: tokenLifetimeSeconds })
      this.#token = { text, madeAt: performance.now() }
    }
    return { authorization: `Bearer ${await this.#token.text}` }
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}

function reasonOf(bytes: Buffer | undefined): string | undefined {
  try {
    const problem: unknown = JSON.parse(String(bytes))
    return isJsonObject(problem) && typeof problem.detail === 'string' ? problem.detail : undefined
  } catch {
    // a proxy's page, most likely
    return undefined
  }
}

function parsed(bytes: Buffer, url: string): JsonObject {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (isJsonObject(value)) return value
  } catch {
    // said below
  }
  throw new SourceFailed('refused', `${url} answers with what is no JSON object`)
}

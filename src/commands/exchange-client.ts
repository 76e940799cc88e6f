import type { ProblemCode } from '../domain/problems.ts'
import { isJsonObject, type JsonObject } from '../domain/text.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { signAccessToken } from '../identity/sign.ts'
import { parseVkey } from '../log/note.ts'
import { CommandFailed } from './command.ts'
import { faultOf } from './key-file.ts'
import { maxTries, pauseBeforeMs, waitFor } from './retry.ts'

export const defaultUrl = 'http://127.0.0.1:8080'
/** The exchange answers within 20 s or not at all. */
const requestTimeoutMs = 30_000
/** Well below the 120 s that a token lives. */
const tokenReuseMs = 60_000

export interface Answer {
  readonly status: number
  readonly body: JsonObject
  /** the body as it came, where it is no JSON */
  readonly text: string
  readonly retryAfterSeconds: number | undefined
}

export interface Ask {
  readonly method?: 'GET' | 'POST'
  readonly contentType?: string
  readonly body?: string
  /** whose access token to show */
  readonly as?: SigningKey
  /** 1: never sent twice, for what must not be repeated. Default {@link maxTries} */
  readonly tries?: number
  /** ends the pauses between tries */
  readonly signal?: AbortSignal
}

/** The exchange gave no answer that means anything, however often it was asked. */
export class ExchangeAway extends CommandFailed {}

/** One exchange as seen over HTTP. */
export class ExchangeClient {
  readonly url: string
  #origin: Promise<string> | undefined
  readonly #tokens = new Map<string, { readonly token: Promise<string>; readonly madeAt: number }>()

  /** @param origin of the log, where it is known; otherwise the exchange says it */
  constructor(url: string, origin?: string) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw new CommandFailed(`--url must be like ${defaultUrl}; it is ${url}`)
    this.url = url.replace(/\/+$/, '')
    if (origin !== undefined) this.#origin = Promise.resolve(origin)
  }

  /** Name of the log: what tokens and proofs are made out to. */
  origin(): Promise<string> {
    this.#origin ??= this.#askOrigin()
    return this.#origin
  }

  /**
   * Asks until there is an answer: network errors, 429 and 503 are tried again.
   *
   * @throws {ExchangeAway} when there is none after all tries
   */
  async ask(path: string, ask: Ask = {}): Promise<Answer> {
    const { tries = maxTries, signal } = ask
    for (let tried = 1; ; tried++) {
      const answer = await this.#tryOnce(path, ask)
      const again = answer instanceof Error || answer.status === 429 || answer.status === 503
      if (!(answer instanceof Error) && (!again || tries === 1)) return answer
      if (tried >= tries || signal?.aborted) throw new ExchangeAway(away(this.url, answer, tried))
      await waitFor(pauseBeforeMs(tried, answer instanceof Error ? 0 : answer.retryAfterSeconds), signal)
    }
  }

  async #tryOnce(path: string, { method = 'GET', contentType, body, as }: Ask): Promise<Answer | Error> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (contentType !== undefined) headers['content-type'] = contentType
    if (as !== undefined) headers.authorization = `Bearer ${await this.#tokenOf(as)}`
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        redirect: 'error',
        signal: AbortSignal.timeout(requestTimeoutMs),
      })
      const text = await response.text()
      const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
      return {
        status: response.status,
        body: parsed(text),
        text,
        retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
      }
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  #tokenOf(key: SigningKey): Promise<string> {
    const known = this.#tokens.get(key.kid)
    if (known !== undefined && Date.now() - known.madeAt < tokenReuseMs) return known.token
    const token = this.origin().then((audience) => signAccessToken(key, { audience }))
    this.#tokens.set(key.kid, { token, madeAt: Date.now() })
    return token
  }

  async #askOrigin(): Promise<string> {
    const { status, text } = await this.ask('/log/vkey', { tries: 3 })
    if (status !== 200) throw new CommandFailed(`${this.url} answers /log/vkey with ${status}: it is no exchange`)
    try {
      return parseVkey(text.trim()).name
    } catch (error) {
      throw new CommandFailed(`${this.url}/log/vkey: ${faultOf(error)}`)
    }
  }
}

/** A refusal as people read it: what is wrong and every error of it, a line each. */
export function problemText({ status, body, text }: Answer): string {
  const { detail, code, errors, index } = body
  if (typeof code !== 'string') return `HTTP ${status}: ${text.slice(0, 200) || 'an empty answer'}`
  const logged = typeof index === 'number' ? ` (refusal at index ${index} of the log)` : ''
  const lines = (Array.isArray(errors) ? errors : []).filter(isJsonObject)
  return [`${code}: ${String(detail)}${logged}`, ...lines.map(({ pointer, message }) => `  - ${pointer}: ${message}`)].join('\n')
}

/** @throws {CommandFailed} with the problem's text, unless the status is one of these; exit code as main.ts says */
export function expectStatus(answer: Answer, ...statuses: readonly number[]): Answer {
  if (!statuses.includes(answer.status)) throw new CommandFailed(problemText(answer), isNo(answer) ? 1 : 2)
  return answer
}

/** Problems of the request itself, whoever sends it. */
const askedWrongly: readonly ProblemCode[] = [
  'invalid-request',
  'malformed',
  'too-large',
  'headers-too-large',
  'unsupported-media-type',
  'method-not-allowed',
  'expectation-failed',
]

const isNo = (answer: Answer) => outcomeIsKnown(answer) && !askedWrongly.some((code) => code === answer.body.code)

/** False where the exchange could not do it now, or failed: what was asked for may be done or not. */
export function outcomeIsKnown({ status }: Answer): boolean {
  return status < 500 && status !== 408 && status !== 429
}

function away(url: string, answer: Answer | Error, tries: number): string {
  const times = tries === 1 ? 'once' : `${tries} times`
  if (!(answer instanceof Error)) return `asked ${times}, ${url} still says ${problemText(answer)}`
  const cause = answer.cause instanceof Error ? answer.cause.message || causeCode(answer.cause) : answer.message
  return `${url} did not answer (${cause}), asked ${times}; is the exchange running there, and is --url right?`
}

const causeCode = (cause: Error) => ('code' in cause ? String(cause.code) : cause.name)

function parsed(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : {}
  } catch {
    // `text` is there for whoever wants it
    return {}
  }
}

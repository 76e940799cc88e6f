import type { JsonObject } from '../domain/text.ts'
import { payloadOfLogged } from '../identity/compact.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { signEvent } from '../identity/sign.ts'
import { eventEntryText } from '../log/entry.ts'
import { leafHash } from '../log/merkle.ts'
import { type CompletedEvent, sameContent } from './complete-event.ts'
import type { Answer, ExchangeClient } from './exchange-client.ts'
import { maxTries, pauseBeforeMs, waitFor } from './retry.ts'

/** What became of an event. */
export type Posted =
  | { readonly outcome: 'accepted' | 'already-there'; readonly index: number; readonly receipt: string; readonly entry: string }
  /** `code` of the problem, which is the answer as it came */
  | { readonly outcome: 'refused'; readonly code: string; readonly problem: JsonObject }

/** A refusal that another event may cure is tried again so often: that event may be under way from another bureau. */
const maxTriesOfOrder = 4

/**
 * A run that was interrupted has left gaps as far as it read ahead, 16 subjects times 16; after so many events that are not
 * there, the rest is taken for new.
 */
const askWhileAbsent = 512

/**
 * Posts events so that posting them again does no harm.
 *
 * An event that was completed has another time at every run, so the exchange would refuse it as another event of the
 * same id and log the refusal. As long as events turn out to be there already, it asks before it posts.
 */
export class EventPoster {
  readonly #client: ExchangeClient
  readonly #signal: AbortSignal
  /** how many in a row were not there yet */
  #absent = 0

  constructor(client: ExchangeClient, signal: AbortSignal) {
    this.#client = client
    this.#signal = signal
  }

  /** @throws {ExchangeAway} when the exchange did not answer: it is not known whether it has the event */
  async post(completed: CompletedEvent, key: SigningKey): Promise<Posted> {
    const askFirst = completed.timed && this.#absent < askWhileAbsent
    const there = askFirst ? await this.#find(completed.event, key) : undefined
    if (askFirst) this.#absent = there === undefined ? this.#absent + 1 : 0
    if (there !== undefined && sameContent(there.event, completed.event)) return there.posted
    const compact = await signEvent(key, completed.payload)
    const answer = await this.#send(compact)
    if (answer.status === 201 || answer.status === 200) return this.#accepted(answer, compact, completed.event, key)
    const { code } = answer.body
    if (code === 'duplicate-id') {
      const first = there ?? (await this.#find(completed.event, key))
      if (first !== undefined && sameContent(first.event, completed.event)) {
        this.#absent = 0
        return first.posted
      }
    }
    return refused(answer)
  }

  async #send(compact: string): Promise<Answer> {
    const ask = { method: 'POST', contentType: 'application/jose', body: compact, signal: this.#signal } as const
    for (let tried = 1; ; tried++) {
      const answer = await this.#client.ask('/v1/events', ask)
      const tries = answer.status === 500 ? maxTries : maxTriesOfOrder
      const again = answer.status === 500 || (answer.status === 409 && answer.body.retryable === true)
      if (!again || tried >= tries || this.#signal.aborted) return answer
      await waitFor(pauseBeforeMs(tried), this.#signal)
    }
  }

  async #accepted({ status, body }: Answer, compact: string, event: JsonObject, key: SigningKey): Promise<Posted> {
    const { index, received, receipt, leafHash: leaf } = body
    if (typeof index !== 'number' || typeof received !== 'string' || typeof receipt !== 'string')
      return refused({ status, body: {}, text: 'the exchange accepted it without a receipt', retryAfterSeconds: undefined })
    const entry = eventEntryText(received, compact)
    const outcome = status === 201 ? 'accepted' : 'already-there'
    if (leafHash(entry).toString('base64') === leaf) return { outcome, index, receipt, entry }
    // signed another time the same event has another signature: the log has the first one
    return (await this.#find(event, key))?.posted ?? { outcome, index, receipt, entry }
  }

  /** The event that the log has under this id of the key's party. */
  async #find({ id }: JsonObject, as: SigningKey): Promise<{ event: JsonObject; posted: Posted } | undefined> {
    if (typeof id !== 'string' || id.length === 0 || id.length > 128) return undefined
    const { status, body } = await this.#client.ask(`/v1/events?id=${encodeURIComponent(id)}`, { as, signal: this.#signal })
    const { index, entry, receipt } = body
    if (status !== 200 || typeof index !== 'number' || typeof entry !== 'string' || typeof receipt !== 'string') return undefined
    const { jws }: { jws: string } = JSON.parse(entry)
    return { event: payloadOfLogged(jws), posted: { outcome: 'already-there', index, receipt, entry } }
  }
}

function refused({ status, body, text }: Answer): Posted {
  if (typeof body.code === 'string') return { outcome: 'refused', code: body.code, problem: body }
  return { outcome: 'refused', code: `http-${status}`, problem: { status, detail: text.slice(0, 500) } }
}

import { withDeadline } from '../deadline.ts'
import { fromDecimal } from '../log/base64.ts'

/** What a witness said, or that it said nothing we can use. */
export type WitnessAnswer =
  | { readonly outcome: 'cosigned'; readonly lines: string }
  /** it has another size of the log than we thought */
  | { readonly outcome: 'other-size'; readonly size: number }
  /** it says that the log contradicts what it has seen */
  | { readonly outcome: 'conflict'; readonly reason: string }
  /** it will not cosign this, whatever the reason; real witnesses differ in the status they say it by */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** no answer in time, or one that is none */
  | { readonly outcome: 'away'; readonly reason: string }

export interface WitnessRequest {
  readonly old: number
  readonly proof: readonly Buffer[]
  /** signed by the log */
  readonly checkpoint: string
}

/** Room for a dozen signature lines. */
const maxAnswerBytes = 16 * 1024
const shownCharacters = 200

/**
 * One `POST <url>/add-checkpoint`. Never throws: a witness is somebody else's server.
 *
 * @param timeoutMs for the whole exchange, body included
 * @see C2SP tlog-witness v1.0.0
 */
export async function askWitness(
  url: string,
  { old, proof, checkpoint }: WitnessRequest,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<WitnessAnswer> {
  const hashes = proof.map((hash) => `${hash.toString('base64')}\n`).join('')
  try {
    return await withDeadline(timeoutMs, signal, async (inTime) => {
      const response = await fetch(`${url.replace(/\/+$/, '')}/add-checkpoint`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: `old ${old}\n${hashes}\n${checkpoint}`,
        redirect: 'error',
        signal: inTime,
      })
      return answerOf(response.status, await boundedText(response))
    })
  } catch (error) {
    return { outcome: 'away', reason: reasonOf(error) }
  }
}

function answerOf(status: number, text: string): WitnessAnswer {
  if (status === 200) return { outcome: 'cosigned', lines: text }
  const size = status === 409 ? fromDecimal(text.trim()) : undefined
  if (size !== undefined) return { outcome: 'other-size', size }
  const reason = `status ${status}: ${JSON.stringify(text.slice(0, shownCharacters))}`
  if (status === 422) return { outcome: 'conflict', reason }
  // 429 and 503 are no judgement of ours; any other is what it thinks of the request
  return { outcome: status === 429 || status === 503 ? 'away' : 'refused', reason }
}

async function boundedText({ body }: Response): Promise<string> {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    // leaving the loop ends the connection
    if (bytes > maxAnswerBytes) throw new Error(`its answer is longer than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // fetch says no more than "fetch failed"
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../domain/text.ts'
import { maxEventBytes } from '../identity/compact.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { CommandFailed } from './command.ts'
import { type CompletedEvent, completeEvent } from './complete-event.ts'
import { inSubjectOrder } from './in-order.ts'
import { faultOf } from './key-file.ts'
import type { EventPoster, Posted } from './post-event.ts'
import { type InputEvent, type InputFile, inputEvents } from './post-input.ts'
import type { PostSummary } from './post-summary.ts'
import type { Rejects } from './rejects.ts'
import type { Signers } from './signers.ts'

/** Events read ahead for each that is under way: enough to find other subjects behind a long chain of one. */
const lookAheadFactor = 16

export interface PostMeans {
  readonly as?: string
  /** folder for receipts and entries */
  readonly receipts?: string
  readonly concurrency: number
  readonly signers: Signers
  readonly poster: EventPoster
  readonly rejects: Rejects
  readonly summary: PostSummary
  /** aborted by whoever wants the run to end, also by the run itself when the exchange is away */
  readonly stopping: AbortController
  /** of all files */
  progress(readBytes: number): void
}

type Refused = Extract<Posted, { outcome: 'refused' }>

/** An event of the input: as it will be posted, or why it can't be. */
type Item = { readonly input: InputEvent } & (
  | { readonly parsed: JsonObject; readonly completed: CompletedEvent }
  | { readonly refused: Refused }
)

/** @returns whether the run ended with events that nobody has looked at */
export async function postAll(files: readonly InputFile[], means: PostMeans): Promise<boolean> {
  const { concurrency, stopping, summary } = means
  let unread = true
  const items = async function* (): AsyncGenerator<Item> {
    try {
      for await (const input of inputEvents(files)) yield itemOf(input, means.as)
      unread = false
    } catch (error) {
      stopping.abort(error)
    }
  }
  const work = async (item: Item) => {
    if (stopping.signal.aborted) return summary.count('not-sent')
    try {
      await settle(item, 'refused' in item ? item.refused : await signAndPost(item.completed, means), means)
    } catch (error) {
      // the exchange is away: those that follow would only wait as long and fail as well
      summary.count('not-sent')
      stopping.abort(error)
    }
    means.progress(item.input.readBytes)
  }
  const order = { concurrency, lookAhead: concurrency * lookAheadFactor, subjectOf, stopped: () => stopping.signal.aborted }
  await inSubjectOrder(items(), order, work)
  return unread
}

function itemOf(input: InputEvent, as: string | undefined): Item {
  if (input.bytes === undefined) return { input, refused: refused('too-large', `an event has at most ${maxEventBytes} bytes`) }
  try {
    const parsed = parseStrictJson(input.bytes)
    return { input, parsed, completed: completeEvent(parsed, input.bytes, as, new Date()) }
  } catch (error) {
    return { input, refused: refused('malformed', faultOf(error)) }
  }
}

function subjectOf(item: Item): string | undefined {
  const subject = 'completed' in item ? item.completed.event.subject : undefined
  return typeof subject === 'string' ? subject : undefined
}

async function signAndPost(completed: CompletedEvent, { signers, poster }: PostMeans): Promise<Posted> {
  if (completed.party === undefined) return refused('no-sender', 'it has no source; say the sender with --as')
  const key = await signers(completed.party)
  return key instanceof CommandFailed ? refused('no-key', key.message) : poster.post(completed, key)
}

async function settle(item: Item, posted: Posted, { receipts, rejects, summary }: PostMeans): Promise<void> {
  const { file, line, base } = item.input
  if (posted.outcome === 'refused') {
    summary.countRefused(posted.code)
    return rejects.add({ line, file, ...('parsed' in item ? { event: item.parsed } : {}), problem: posted.problem })
  }
  if (receipts !== undefined && 'completed' in item) {
    const name = join(receipts, base ?? fileNameOf(String(item.completed.event.id)))
    await writeFile(`${name}.entry`, posted.entry)
    await writeFile(`${name}.tlog-proof`, posted.receipt)
  }
  summary.count(posted.outcome)
}

/** An id may hold anything; a name that leads out of the folder it can't become. */
function fileNameOf(id: string): string {
  return encodeURIComponent(id).replace(/^\./, '%2E').slice(0, 200)
}

function refused(code: string, detail: string): Refused {
  return { outcome: 'refused', code, problem: { code, detail } }
}

import type { JsonObject } from '../domain/text.ts'
import { type Acting, type ActOptions, act, actingWith } from './act.ts'
import { CommandFailed } from './command.ts'
import { objectsIn } from './objects-in.ts'
import { parkedPages } from './parked-read.ts'

/** Indexes have to fit into one entry of the log. */
const mostAtOnce = 2_000

export interface DismissOptions extends ActOptions {
  readonly bureau: string
  readonly index?: readonly number[]
  readonly cause?: string
  readonly type?: string
  readonly json?: true
}

/** Takes events out of one view for good, in as many requests as it needs: each names its events, so that the log says which. */
export async function dismissParked(options: DismissOptions): Promise<void> {
  const { bureau, cause, type } = options
  if (options.index === undefined && cause === undefined)
    throw new CommandFailed('name events with --index, or a group with --cause')
  const acting = await actingWith(options)
  const indexes = options.index ?? (await indexesOf(acting, { bureau, cause, type }))
  if (indexes.length === 0) throw new CommandFailed(`no such event is parked in the view of ${bureau}`, 1)
  const waiting: string[] = []
  for (let done = 0; done < indexes.length; done += mostAtOnce) {
    const some = indexes.slice(done, done + mostAtOnce)
    const answer = await act(acting, '/v1/operations/dismissals', 'dismiss', { bureau, indexes: some }, options.reason)
    if (answer.waitsFor === 'approval') waiting.push(String(answer.index))
    process.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : answerText(answer, bureau, some.length))
  }
  if (waiting.length > 0 && !options.json)
    process.stdout.write(`the second person: lianban proposals approve ${waiting.join(' ')} --key … --reason …\n`)
}

async function indexesOf(acting: Acting, filter: Readonly<Record<string, string | undefined>>): Promise<readonly number[]> {
  const indexes: number[] = []
  for await (const { events } of parkedPages(acting, filter)) indexes.push(...objectsIn(events).map(({ index }) => Number(index)))
  return indexes
}

function answerText({ waitsFor, carriedOut, index }: JsonObject, bureau: string, count: number): string {
  const events = count === 1 ? '1 event' : `${count} events`
  if (waitsFor === 'approval') return `${events} of the view of ${bureau} wait for a second person: proposal ${index}\n`
  return carriedOut === false
    ? `${events} of the view of ${bureau} had been dismissed before\n`
    : `${events} dismissed from the view of ${bureau}; on record at index ${index}\n`
}

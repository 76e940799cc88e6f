import { type Acting, type ActOptions, act, actingWith } from './act.ts'
import { CommandFailed } from './command.ts'
import { objectsIn, parkedPages } from './parked-read.ts'

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
  for (let done = 0; done < indexes.length; done += mostAtOnce)
    process.stdout.write(await dismissSome(acting, options, indexes.slice(done, done + mostAtOnce)))
}

async function indexesOf(acting: Acting, filter: Readonly<Record<string, string | undefined>>): Promise<readonly number[]> {
  const indexes: number[] = []
  for await (const { events } of parkedPages(acting, filter)) indexes.push(...objectsIn(events).map(({ index }) => Number(index)))
  return indexes
}

async function dismissSome(
  acting: Acting,
  { bureau, reason, json }: DismissOptions,
  indexes: readonly number[],
): Promise<string> {
  const done = await act(acting, '/v1/operations/dismissals', 'dismiss', { bureau, indexes: [...indexes] }, reason)
  if (json) return `${JSON.stringify(done)}\n`
  const events = indexes.length === 1 ? '1 event' : `${indexes.length} events`
  if (done.waitsFor === 'approval')
    return `${events} wait for a second person: lianban proposals approve ${done.index} --key … --reason …\n`
  return done.carriedOut === false
    ? `${events} of the view of ${bureau} had been dismissed before\n`
    : `${events} dismissed from the view of ${bureau}; on record at index ${done.index}\n`
}

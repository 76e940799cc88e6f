import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { type Acting, type ActOptions, act, actingWith } from './act.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { objectsIn } from './objects-in.ts'
import type { ConnectionOptions } from './options.ts'
import { followReplay } from './replay-follow.ts'
import { replaysText, replayText } from './replay-text.ts'

const path = '/v1/operations/replays'

export interface PlanOptions extends ActOptions {
  readonly bureau: string
  readonly cause?: string
  readonly type?: string
  readonly kind?: string
  readonly subject?: readonly string[]
  readonly from?: string
  readonly to?: string
  readonly minIndex?: number
  readonly maxIndex?: number
  readonly json?: true
}

export interface ChangeOptions extends ActOptions {
  readonly subjects?: number
  readonly rate?: number
  readonly unthrottled?: true
  readonly pauseAfter?: number
  readonly wait?: true
  readonly json?: true
}

export interface StatusOptions extends ConnectionOptions {
  readonly key: string
  readonly bureau?: string
  readonly json?: true
}

/** Asks for a plan, waits for its dry run, prints it. Exit code 1 when something of it would fail again. */
export async function planReplay(options: PlanOptions): Promise<void> {
  const { bureau, cause, type, kind, subject, from, to, minIndex, maxIndex, reason } = options
  const named = { cause, type, kind, subjects: subject, from, to, minIndex, maxIndex }
  const filter = Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const acting = await actingWith(options)
  const planned = await act(acting, path, 'plan-replay', { bureau, filter }, reason)
  if (planned.carriedOut === false)
    throw new CommandFailed(`the same replay is under way already: replay ${planned.id} is ${planned.state}`, 1)
  const replay = await followReplay(() => readReplay(acting, Number(planned.replay)), ['planning'])
  print(replay, options)
  const plan = isJsonObject(replay.plan) ? replay.plan : {}
  if (Number(plan.failed) > 0) process.exitCode = 1
}

/** Changes a replay. A canary is waited for, since its result is what it is for. */
export async function changeReplay(action: string, id: number, options: ChangeOptions): Promise<void> {
  const { subjects, rate, unthrottled, pauseAfter, reason, wait } = options
  const details = {
    replay: id,
    ...(subjects === undefined ? {} : { subjects }),
    ...(rate === undefined ? {} : { rate }),
    ...(unthrottled ? { rate: null } : {}),
    ...(pauseAfter === undefined ? {} : { pauseAfter }),
  }
  const acting = await actingWith(options)
  await act(acting, `${path}/${id}`, action, details, reason)
  const moving = wait || action === 'canary-replay' ? ['running'] : []
  const replay = await followReplay(() => readReplay(acting, id), moving)
  print(replay, options)
  if (moving.length > 0 && Number(replay.subjectsFailed) > 0) process.exitCode = 1
}

export async function showReplay(id: number | undefined, options: StatusOptions): Promise<void> {
  const acting = await actingWith(options)
  if (id === undefined) {
    const query = options.bureau === undefined ? '' : `?bureau=${encodeURIComponent(options.bureau)}`
    const { body } = expectStatus(await acting.client.ask(`${path}${query}`, { as: acting.key }), 200)
    process.stdout.write(options.json ? json(body) : replaysText(objectsIn(body.replays)))
    return
  }
  const follows = process.stderr.isTTY && !options.json ? ['planning', 'running'] : []
  print(await followReplay(() => readReplay(acting, id), follows), options)
}

async function readReplay({ client, key }: Acting, id: number): Promise<JsonObject> {
  return expectStatus(await client.ask(`${path}/${id}`, { as: key }), 200).body
}

function print(replay: JsonObject, options: { readonly json?: true }): void {
  process.stdout.write(options.json ? json(replay) : replayText(replay))
}

const json = (value: JsonObject) => `${JSON.stringify(value, null, 2)}\n`

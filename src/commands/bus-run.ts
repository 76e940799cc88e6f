import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { type Acting, type ActOptions, act, actingWith } from './act.ts'
import { busText, checkText, republicationText } from './bus-text.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { followWhile } from './follow-while.ts'
import { objectsIn } from './objects-in.ts'
import type { ConnectionOptions } from './options.ts'

export interface StatusOptions extends ConnectionOptions {
  readonly key: string
  readonly json?: true
}

export interface RepublishOptions extends ActOptions {
  readonly from: number
  readonly to?: number
  readonly wait: boolean
  readonly json?: true
}

export interface CheckOptions extends ActOptions {
  readonly bureau: string
  readonly json?: true
}

export async function showBus(options: StatusOptions): Promise<void> {
  const status = await readStatus(await actingWith(options))
  print(status, busText, options)
}

/** Asks for a stretch to be sent again, and waits until it was. Ctrl-C ends the looking on, not the sending. */
export async function republish(options: RepublishOptions): Promise<void> {
  const { from, to, reason, wait } = options
  const acting = await actingWith(options)
  const done = await act(
    acting,
    '/v1/operations/republications',
    'republish',
    { from, ...(to === undefined ? {} : { to }) },
    reason,
  )
  const find = (status: JsonObject) => objectsIn(status.republications).find(({ id }) => id === done.republication)
  const under = (one: JsonObject | undefined) => wait && one !== undefined && one.finishedAt === null
  const found = await follow(acting, find, under, (one) => ({
    done: Math.max(Number(one.sentTo) - from, 0),
    of: Number(one.to) - from,
  }))
  if (found === undefined) throw new CommandFailed(`republication ${done.republication} is on record, but not listed any more`)
  print(found, republicationText, options)
}

/** Asks for a check of a whole view, and waits for what it finds. */
export async function checkView(options: CheckOptions): Promise<void> {
  const { bureau, reason } = options
  const acting = await actingWith(options)
  const { check: asked } = await act(acting, '/v1/operations/checks', 'check-view', { bureau }, reason)
  const find = ({ consumers, logSize }: JsonObject) => {
    const check = objectsIn(consumers).find((each) => each.bureau === bureau)?.check
    return isJsonObject(check) ? { bureau, logSize: logSize ?? 0, ...check } : undefined
  }
  const under = (one: JsonObject | undefined) => one !== undefined && !(Number(one.answered ?? -1) >= Number(asked))
  const found = await follow(acting, find, under, (one) => ({
    done: Number(one.checkedTo) + 1,
    of: Number(one.logSize),
  }))
  if (found === undefined) throw new CommandFailed(`the exchange has no view of ${bureau}`)
  print(found, checkText, options)
  if (under(found)) throw new CommandFailed(`the check is not through; bus status tells of it`)
  if (Number(found.healedInRound) > 0) process.exitCode = 1
}

/** Reads the status until something in it is not under way any more. */
const follow = (
  acting: Acting,
  find: (status: JsonObject) => JsonObject | undefined,
  isUnderWay: (one: JsonObject | undefined) => boolean,
  progressOf: (one: JsonObject) => { readonly done: number; readonly of: number },
) =>
  followWhile(
    async () => find(await readStatus(acting)),
    isUnderWay,
    'entries',
    (one) => one && progressOf(one),
  )

async function readStatus({ client, key }: Acting): Promise<JsonObject> {
  return expectStatus(await client.ask('/v1/operations/bus', { as: key }), 200).body
}

function print(value: JsonObject, text: (value: JsonObject) => string, { json }: { readonly json?: true }): void {
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text(value))
}

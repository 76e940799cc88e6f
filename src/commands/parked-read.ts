import type { Json, JsonObject } from '../domain/text.ts'
import { type Acting, actingWith } from './act.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { objectsIn } from './objects-in.ts'
import type { ConnectionOptions } from './options.ts'
import { groupsText, historyText, listText } from './parked-text.ts'

const path = '/v1/operations/parked'
/** As many as the exchange gives at once. */
const pageSize = 100

interface Reading extends ConnectionOptions {
  readonly key: string
  readonly json?: true
}

export interface GroupsOptions extends Reading {
  readonly bureau?: string
  readonly cause?: string
  readonly type?: string
  readonly subject?: string
  readonly name?: string
  readonly from?: string
  readonly to?: string
}

export interface ListOptions extends GroupsOptions {
  readonly limit: number
}

export interface ShowOptions extends Reading {
  readonly bureau: string
  readonly kind: string
}

export async function showGroups(options: GroupsOptions): Promise<void> {
  const { client, key } = await actingWith(options)
  const { body } = expectStatus(await client.ask(`${path}/groups${queryOf(filterOf(options))}`, { as: key }), 200)
  process.stdout.write(options.json ? json(body) : groupsText(objectsIn(body.groups)))
}

export async function listParked(options: ListOptions): Promise<void> {
  const events: JsonObject[] = []
  let next: Json | undefined
  for await (const page of parkedPages(await actingWith(options), filterOf(options), options.limit)) {
    events.push(...objectsIn(page.events))
    next = page.next
  }
  const more = next === undefined ? {} : { next }
  process.stdout.write(options.json ? json({ events, ...more }) : listText(events, next !== undefined))
}

/** @throws {CommandFailed} exit code 1 when the log has no event about the subject */
export async function showHistory(subject: string, options: ShowOptions): Promise<void> {
  const { client, key } = await actingWith(options)
  const at = `${path}/${[options.bureau, options.kind, subject].map(encodeURIComponent).join('/')}`
  const events: JsonObject[] = []
  let cursor: string | undefined
  do {
    const answer = await client.ask(`${at}${queryOf({ cursor })}`, { as: key })
    if (answer.status === 404)
      throw new CommandFailed(`no event about ${subject} for the view of ${options.bureau} is in the log`, 1)
    const { events: page, next, ...about } = expectStatus(answer, 200).body
    events.push(...objectsIn(page))
    cursor = typeof next === 'string' ? next : undefined
    if (cursor === undefined) process.stdout.write((options.json ? json : historyText)({ ...about, events }))
  } while (cursor !== undefined)
}

/** Pages of parked events until there are no more, or so many were given. */
export async function* parkedPages(
  { client, key }: Acting,
  filter: Readonly<Record<string, string | undefined>>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<JsonObject> {
  let [cursor, given]: [string | undefined, number] = [undefined, 0]
  do {
    const query: string = queryOf({ ...filter, cursor, limit: String(Math.min(pageSize, most - given)) })
    const { body } = expectStatus(await client.ask(`${path}${query}`, { as: key }), 200)
    yield body
    given += objectsIn(body.events).length
    cursor = typeof body.next === 'string' ? body.next : undefined
  } while (cursor !== undefined && given < most)
}

function filterOf({ bureau, cause, type, subject, name, from, to }: GroupsOptions) {
  return { bureau, cause, type, subject, name, from, to }
}

function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  return query.size === 0 ? '' : `?${query}`
}

const json = (value: JsonObject) => `${JSON.stringify(value, null, 2)}\n`

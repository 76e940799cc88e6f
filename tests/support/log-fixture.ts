import { randomUUID } from 'node:crypto'
import { checkEvent } from '../../src/catalogue/check-event.ts'
import { compileRules } from '../../src/catalogue/compile.ts'
import { readCatalogueFiles } from '../../src/catalogue/load.ts'
import { connect, type Database } from '../../src/database/connect.ts'
import type { JsonObject } from '../../src/domain/text.ts'
import { openSignedEvent } from '../../src/identity/jws.ts'
import { registerKey } from '../../src/identity/key-request.ts'
import { generateKey, importSigningKey, type SigningKey } from '../../src/identity/private-key.ts'
import { signEvent } from '../../src/identity/sign.ts'
import type { Appended, EventToAppend } from '../../src/log/appendable.ts'
import { beginLog } from '../../src/log/begin.ts'
import { LogCommit } from '../../src/log/commit.ts'
import { GroupCommit } from '../../src/log/group-commit.ts'
import { keyToAppend } from '../../src/log/key-append.ts'
import { type LogKey, newLogKey } from '../../src/log/log-key.ts'
import { createLogReader, type LogReader } from '../../src/log/read.ts'
import { RulesKeeper } from '../../src/log/rules-in-force.ts'
import { readSignedHead, SeenTree } from '../../src/log/seen-tree.ts'
import { shippedCatalogue } from './catalogue-folder.ts'
import { cloudEventOf, examples } from './examples.ts'
import { madeUpUscc } from './gateway.ts'
import { migratedDatabase, type TestDatabase } from './postgres.ts'

export const origin = 'localhost/lianban'

/** What one gateway process has of the log: a pool, rules and an edge of its own. */
export interface LogGateway {
  readonly database: Database
  readonly keeper: RulesKeeper
  readonly group: GroupCommit
  readonly reader: LogReader
  /** checks 1 to 3, 5 and 6 under the rules this gateway knows now */
  check(compact: string): Promise<EventToAppend>
  /** check and append */
  take(compact: string): Promise<Appended>
}

export interface LogFixture {
  readonly url: string
  readonly logKey: LogKey
  readonly keys: ReadonlyMap<string, SigningKey>
  /** the first one */
  readonly one: LogGateway
  readonly two: LogGateway
  key(party: string): SigningKey
  sign(event: JsonObject, party?: string): Promise<string>
  stop(): Promise<void>
}

/** A begun log with a key for every party, and two gateways on it. */
export async function openLogFixture(): Promise<LogFixture> {
  const database = await migratedDatabase()
  const logKey = newLogKey(origin)
  await begin(database, logKey)
  const gateways = [await openLogGateway(database.url, logKey), await openLogGateway(database.url, logKey)] as const
  const [one, two] = gateways
  const keys = await registerAll(one)
  await two.keeper.refresh(two.database.raw)
  const key = (party: string): SigningKey => {
    const found = keys.get(party)
    if (found === undefined) throw new Error(`the catalogue has no party ${party}`)
    return found
  }
  return {
    url: database.url,
    logKey,
    keys,
    one,
    two,
    key,
    sign: (event, party = String(event.source).slice('/bureaus/'.length)) => signEvent(key(party), event),
    async stop() {
      for (const gateway of gateways) {
        await gateway.group.close()
        await gateway.database.close()
      }
      await database.close()
    },
  }
}

async function begin({ url }: TestDatabase, logKey: LogKey): Promise<void> {
  const { raw, close } = connect(url, { name: 'lianban test begin', maxConnections: 1 })
  await beginLog(raw, logKey, compileRules(await readCatalogueFiles(shippedCatalogue)))
  await close()
}

/** As a process opens it; nothing tells it of other gateways' rules but the log. */
export async function openLogGateway(url: string, logKey: LogKey): Promise<LogGateway> {
  const database = connect(url, { name: 'lianban test log', maxConnections: 4 })
  const keeper = await RulesKeeper.load(database.raw)
  const commit = new LogCommit(database.raw, keeper, logKey, new SeenTree(await readSignedHead(database.raw)), () => undefined)
  const group = new GroupCommit(
    (batch) => commit.commit(batch),
    () => commit.close(),
  )
  const check: LogGateway['check'] = async (compact) => {
    const { keys, rules, index } = keeper.inForce
    const verified = await openSignedEvent(compact, keys, { origin, aud: rules.catalogue.audience })
    return {
      kind: 'event',
      verified,
      check: checkEvent(verified.payload, verified.party, rules, new Date()),
      rulesIndex: index,
    }
  }
  return {
    database,
    keeper,
    group,
    reader: createLogReader(database.raw, logKey.verifier),
    check,
    take: async (compact) => group.append(await check(compact)),
  }
}

async function registerAll({ keeper, group }: LogGateway): Promise<ReadonlyMap<string, SigningKey>> {
  const parties = [...keeper.inForce.rules.parties.values()]
  const [operator] = parties.filter(({ role }) => role === 'operator')
  const keys = new Map<string, SigningKey>()
  for (const { id } of [...(operator ? [operator] : []), ...parties.filter((party) => party !== operator)]) {
    const key = await importSigningKey(await generateKey('ES256'))
    keys.set(id, key)
    const entry = await registerKey(key, keys.get(operator?.id ?? id) ?? key, { party: id, log: origin })
    const { outcome } = await group.append(keyToAppend(entry, origin, () => new Date()))
    if (outcome !== 'appended') throw new Error(`the key of ${id} was not registered`)
  }
  return keys
}

/**
 * A good event about the n-th made-up company, after the first example of its type.
 *
 * @param data in place of the example's; `undefined` leaves a field out
 */
export function eventAbout(
  n: number,
  type: string,
  source: string,
  data: Readonly<Record<string, JsonObject[string] | undefined>> = {},
): JsonObject & { readonly id: string; readonly subject: string } {
  const all = examples()
  const example = all.find((one) => one.type === type && one.source === source) ?? all.find((one) => one.type === type)
  if (example === undefined) throw new Error(`no example of ${type}`)
  const subject = madeUpUscc(n)
  const { registrationNumber, ...rest } = example.data
  const ids = 'taxpayerId' in rest ? { uscc: subject, taxpayerId: subject } : { uscc: subject }
  const given: JsonObject = Object.fromEntries(
    Object.entries({ ...rest, ...ids, ...data }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const id = randomUUID()
  return { ...cloudEventOf({ type, source, subject, data: given }, id, new Date()), id, subject }
}

/** The answer to an event that has to be accepted. */
export function accepted(answer: Appended): Appended & { outcome: 'appended' } {
  if (answer.outcome !== 'appended') throw new Error(`it was ${answer.outcome}: ${JSON.stringify(answer)}`)
  return answer
}

/** The answer to one that has to be refused. */
export function refused(answer: Appended): Appended & { outcome: 'refused' } {
  if (answer.outcome !== 'refused') throw new Error(`it was ${answer.outcome} at ${answer.index}`)
  return answer
}

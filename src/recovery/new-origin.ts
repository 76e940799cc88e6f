import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import type { JsonObject } from '../domain/text.ts'
import { registerKey } from '../identity/key-request.ts'
import { digestOfSigned, signOperation } from '../identity/operation-request.ts'
import type { SigningKey } from '../identity/private-key.ts'
import type { Appendable } from '../log/appendable.ts'
import { beginLog } from '../log/begin.ts'
import { LogCommit } from '../log/commit.ts'
import { operationEntryText } from '../log/entry.ts'
import { keyToAppend } from '../log/key-append.ts'
import type { LogKey } from '../log/log-key.ts'
import { RulesKeeper } from '../log/rules-in-force.ts'
import { readSignedHead, SeenTree } from '../log/seen-tree.ts'
import type { OldLog } from './old-log.ts'

/** An entry has 65,535 bytes; what doesn't fit is in lost.json alone, and the count tells. */
const maxStretches = 500

export interface NewOrigin {
  readonly key: LogKey
  /** in force in the old log */
  readonly rules: Rules
  readonly operator: { readonly party: string; readonly key: SigningKey }
  readonly reason: string
  readonly old: OldLog
}

/**
 * Begins a new log that names the old one: entry 0 is the catalogue in force, entry 1 the operator's key, entry 2 the
 * operator's signed word on where the old log ended and what of it is lost. No other entry is carried over: what bureaus sent to the old
 * log is theirs to send to the new one.
 *
 * @param sql of a database without a log
 * @throws {Error} when one of the three is refused
 */
export async function beginNewOrigin(sql: RawSql, { key, rules, operator, reason, old }: NewOrigin): Promise<void> {
  await beginLog(sql, key, rules)
  const keeper = await RulesKeeper.load(sql)
  const commit = new LogCommit(sql, keeper, key, new SeenTree(await readSignedHead(sql)), () => undefined)
  const { party } = operator
  const log = key.origin
  const append = async (item: Appendable) => {
    const [answer] = await commit.commit([item])
    if (answer?.outcome !== 'appended') throw new Error(`the new log refuses its beginning: ${JSON.stringify(answer)}`)
  }
  try {
    const entry = await registerKey(operator.key, operator.key, { party, log })
    await append(keyToAppend(entry, log, () => new Date()))
    const request = await signOperation(operator.key, { action: 'new-origin', reason, log, details: detailsOf(old) })
    const digest = digestOfSigned(request)
    const members = { action: 'new-origin', party, kid: operator.key.kid, digest: digest.toString('hex'), request }
    await append({ kind: 'operation', party, digest, text: (received) => operationEntryText(received, members) })
  } finally {
    await commit.close()
  }
}

/** What the operator signs about the old log. */
function detailsOf({ origin, published, kept, lost }: OldLog): JsonObject {
  return {
    oldOrigin: origin,
    oldSize: published.size,
    oldRoot: published.root.toString('base64'),
    keptSize: kept.size,
    keptRoot: kept.root.toString('base64'),
    lostEntries: lost.reduce((sum, { from, to }) => sum + to - from + 1, 0),
    lost: lost.slice(0, maxStretches).map(({ from, to }) => [from, to]),
  }
}

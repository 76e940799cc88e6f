import type { Catalogue } from '../catalogue/catalogue.ts'
import { loadRules } from '../catalogue/compile.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { RawSql } from '../database/connect.ts'
import { KeysInForce } from '../identity/keys-in-force.ts'

/** Keys and catalogue as the log's own entries up to `index` say. Immutable. */
export interface RulesInForce {
  /** index of the last `key` or `catalogue` entry taken in */
  readonly index: number
  readonly keys: KeysInForce
  readonly rules: Rules
  /** every catalogue so far, oldest first, from the index where it came into force */
  readonly catalogues: readonly { readonly index: number; readonly catalogue: Catalogue }[]
}

interface RulesRow {
  readonly index: number
  readonly entry: string
}

/** Holds the rules in force of one process and brings them up to date from the log. */
export class RulesKeeper {
  #inForce: RulesInForce
  readonly #listeners: ((rules: RulesInForce) => void)[] = []

  private constructor(inForce: RulesInForce) {
    this.#inForce = inForce
  }

  /** @throws when the log has no catalogue yet */
  static async load(sql: RawSql): Promise<RulesKeeper> {
    const first = await readRules(sql, -1)
    const inForce = await advance(sql, undefined, first)
    if (inForce === undefined) throw new Error('the log has no catalogue: it was never begun')
    return new RulesKeeper(inForce)
  }

  get inForce(): RulesInForce {
    return this.#inForce
  }

  /** Calls back after every change of the rules. */
  onChange(listener: (rules: RulesInForce) => void): void {
    this.#listeners.push(listener)
  }

  /** Reads what came since; cheap when nothing did. */
  async refresh(sql: RawSql): Promise<RulesInForce> {
    // another refresh may come in between: what was read goes on from what it was read after
    const before = this.#inForce
    const rows = await readRules(sql, before.index)
    const next = rows.length === 0 ? before : await advance(sql, before, rows)
    if (next === undefined || next.index <= this.#inForce.index) return this.#inForce
    this.#inForce = next
    for (const listener of this.#listeners) listener(next)
    return next
  }
}

function readRules(sql: RawSql, after: number): Promise<RulesRow[]> {
  return sql<RulesRow[]>`
    select index, entry from log.entries where kind in ('key', 'catalogue') and index > ${after} order by index`
}

async function advance(
  sql: RawSql,
  before: RulesInForce | undefined,
  rows: readonly RulesRow[],
): Promise<RulesInForce | undefined> {
  let { keys, rules, index, catalogues } = before ?? { keys: KeysInForce.none, rules: undefined, index: -1, catalogues: [] }
  for (const row of rows) {
    const entry: unknown = JSON.parse(row.entry)
    if (isCatalogueEntry(entry)) {
      rules = loadRules(await readBlobs(sql, entry.files))
      catalogues = [...catalogues, { index: row.index, catalogue: rules.catalogue }]
    } else keys = await keys.apply(entry, row.index)
    index = row.index
  }
  return rules === undefined ? undefined : { index, keys, rules, catalogues }
}

function isCatalogueEntry(entry: unknown): entry is { kind: 'catalogue'; files: Record<string, string> } {
  return typeof entry === 'object' && entry !== null && 'kind' in entry && entry.kind === 'catalogue'
}

async function readBlobs(sql: RawSql, files: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ digest: string; content: string }[]>`
    select digest, content from log.blobs where digest in ${sql(Object.values(files))}`
  const contents = new Map(rows.map(({ digest, content }) => [digest, content]))
  return new Map(
    Object.entries(files).map(([name, digest]) => {
      const content = contents.get(digest)
      if (content === undefined) throw new Error(`the catalogue names ${name} by ${digest}, but the database has no such file`)
      return [name, content] as const
    }),
  )
}

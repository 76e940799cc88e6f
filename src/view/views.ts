import type { RawSql } from '../database/connect.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { View } from './view.ts'

export interface OpenedView {
  readonly view: View
  /** its search_path is the view's schema */
  readonly sql: RawSql
  close(): Promise<void>
}

/** The views of every bureau of the catalogue in force. */
export class Views {
  readonly #keeper: RulesKeeper
  readonly #openView: (bureau: string) => Promise<OpenedView>
  readonly #opened = new Map<string, OpenedView>()
  #updating: Promise<void> = Promise.resolve()
  #closed = false

  /** @param openView makes a bureau's view, tables included, and connects to it */
  constructor(keeper: RulesKeeper, openView: (bureau: string) => Promise<OpenedView>) {
    this.#keeper = keeper
    this.#openView = openView
  }

  get(bureau: string): View | undefined {
    return this.#opened.get(bureau)?.view
  }

  /** The connections of a bureau's view. */
  sql(bureau: string): RawSql | undefined {
    return this.#opened.get(bureau)?.sql
  }

  connections(): readonly (readonly [string, RawSql])[] {
    return [...this.#opened].map(([bureau, { sql }]) => [bureau, sql] as const)
  }

  all(): readonly (readonly [string, View])[] {
    return [...this.#opened].map(([bureau, { view }]) => [bureau, view] as const)
  }

  /** Opens what the catalogue in force asks for and is not there yet; one at a time. */
  update(): Promise<void> {
    this.#updating = this.#updating
      // whoever asked for that update was told
      .catch(() => undefined)
      .then(async () => {
        for (const { id } of this.#keeper.inForce.rules.bureaus)
          if (!this.#closed && !this.#opened.has(id)) this.#opened.set(id, await this.#openView(id))
      })
    return this.#updating
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#updating.catch(() => undefined)
    await Promise.all([...this.#opened.values()].map(({ close }) => close()))
  }
}

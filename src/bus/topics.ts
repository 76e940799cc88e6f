/** Of each kind in the catalogue in force, by id: where its events go. Asked anew for each batch, so a new kind is seen. */
export type KindTopics = () => ReadonlyMap<string, { readonly topic: string; readonly partitions: number }>

/** The log holds a kind that this process's catalogue doesn't: it is behind, and must not skip what it can't place. */
export class UnknownKind extends Error {
  override readonly name = 'UnknownKind'

  constructor(kind: string) {
    super(`the catalogue in force in this process has no kind ${kind}, but the log has; load the log's catalogue`)
  }
}

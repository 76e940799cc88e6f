import { type FileHandle, open } from 'node:fs/promises'
import type { Json } from '../domain/text.ts'

export interface Reject {
  readonly line: number
  readonly file: string
  readonly event?: Json
  readonly problem: Json
}

/** The file of broken lines with their reasons; it comes into being with the first of them. */
export class Rejects {
  readonly file: string
  #handle: Promise<FileHandle> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(file: string) {
    this.file = file
  }

  async add(reject: Reject): Promise<void> {
    this.#handle ??= open(this.file, 'w', 0o600)
    const handle = await this.#handle
    this.#last = this.#last.then(() => handle.write(`${JSON.stringify(reject)}\n`))
    await this.#last
  }

  async close(): Promise<void> {
    await this.#last
    await (await this.#handle)?.close()
  }
}

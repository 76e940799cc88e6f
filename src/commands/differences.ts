import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { JsonObject } from '../domain/text.ts'
import type { ListDifference } from '../replay/reconcile-list.ts'
import type { FieldDifference } from '../replay/record-difference.ts'
import type { SubjectDifference } from '../replay/subject-difference.ts'
import { CommandFailed } from './command.ts'
import { differencesText } from './differences-text.ts'

export interface DifferencesOptions {
  readonly bureau: string
  readonly against?: string
  readonly limit: number
  readonly out?: string
  readonly json?: true
}

type Difference = SubjectDifference | ListDifference

interface OutFile {
  readonly handle: FileHandle
  /** where it stands until it is whole */
  readonly aside: string
  readonly name: string
}

interface Page {
  readonly subjects: number
  readonly differences: readonly Difference[]
  readonly parkedAlike?: number
  readonly unknownColumns?: readonly string[]
}

/** What a comparison found: counted, the first ones kept to be shown, all of them written to a file where one is asked for. */
export class Differences {
  readonly #options: DifferencesOptions
  readonly #file: OutFile | undefined
  readonly #counts: Record<Difference['what'], number> = { different: 0, missing: 0, extra: 0, parked: 0, twice: 0 }
  readonly #shown: JsonObject[] = []
  #parkedAlike = 0
  #unknownColumns: readonly string[] = []
  subjects = 0
  /** events that the view had not come to when it was compared */
  behind = 0

  private constructor(options: DifferencesOptions, file: OutFile | undefined) {
    this.#options = options
    this.#file = file
  }

  /** @throws {CommandFailed} when the file can't be written */
  static async open(options: DifferencesOptions): Promise<Differences> {
    if (options.out === undefined) return new Differences(options, undefined)
    // a file that is there in part would be taken for the whole
    const aside = `${options.out}.${process.pid}.incomplete`
    try {
      return new Differences(options, { handle: await open(aside, 'w', 0o600), aside, name: options.out })
    } catch (error) {
      throw new CommandFailed(`${options.out} can't be written: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async add({ subjects, differences, parkedAlike = 0, unknownColumns = [] }: Page): Promise<void> {
    this.subjects += subjects
    this.#parkedAlike += parkedAlike
    this.#unknownColumns = unknownColumns
    const written = differences.map((difference) => jsonOf(difference, this.#sides))
    for (const { what } of differences) this.#counts[what] += 1
    this.#shown.push(...written.slice(0, Math.max(0, this.#options.limit - this.#shown.length)))
    await this.#file?.handle.writeFile(written.map((one) => `${JSON.stringify(one)}\n`).join(''))
  }

  /** Prints what was found; exit code 1 when that is something. */
  async finish(): Promise<void> {
    const { bureau, against, out, json } = this.#options
    if (this.#file !== undefined) {
      await this.#file.handle.datasync()
      await this.#file.handle.close()
      await rename(this.#file.aside, this.#file.name)
    }
    const { different, missing, extra, parked, twice } = this.#counts
    const differ = different + missing + extra + parked + twice
    const kinds = against === undefined ? { different, missing, extra, parked } : { different, missing, extra, twice }
    const { subjects } = this
    const found = {
      bureau,
      against: against ?? 'log',
      agree: differ === 0,
      subjects,
      behind: this.behind,
      ...kinds,
      ...(against === undefined ? { parkedAlike: this.#parkedAlike } : { unknownColumns: this.#unknownColumns }),
      differences: this.#shown,
    }
    process.stdout.write(
      json ? `${JSON.stringify(found, null, 2)}\n` : differencesText({ ...found, kinds, differ, sides: this.#sides, out }),
    )
    if (differ > 0) process.exitCode = 1
  }

  /** Leaves no half of a file behind. */
  async discard(): Promise<void> {
    if (this.#file === undefined) return
    await this.#file.handle.close()
    await rm(this.#file.aside, { force: true })
  }

  get #sides(): readonly [string, string] {
    return ['view', this.#options.against === undefined ? 'log' : 'list']
  }
}

function jsonOf(difference: Difference, [leftName, rightName]: readonly [string, string]): JsonObject {
  const { kind, subject, what, fields, parked, ...rest } = difference
  const sideOf = (side: FieldDifference['left']): JsonObject => ({ ...side })
  return {
    kind,
    subject,
    what,
    fields: fields.map(({ field, left, right, personal }) => ({
      field,
      ...(personal ? { personal } : {}),
      [leftName]: sideOf(left),
      [rightName]: sideOf(right),
    })),
    ...(typeof parked === 'object'
      ? { parked: { [leftName]: parkedJson(parked.left), [rightName]: parkedJson(parked.right) } }
      : {}),
    ...(typeof parked === 'number' ? { parked } : {}),
    ...('line' in rest && rest.line !== undefined ? { line: rest.line } : {}),
    ...('lastIndex' in rest && rest.lastIndex !== undefined ? { lastIndex: rest.lastIndex } : {}),
  }
}

const parkedJson = (parked: NonNullable<SubjectDifference['parked']>['left']): JsonObject | null => parked && { ...parked }

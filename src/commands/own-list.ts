import { createReadStream } from 'node:fs'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import type { ListedSubject } from '../replay/reconcile-list.ts'
import { CommandFailed } from './command.ts'

/** Characters of one row; what is longer is no list. */
const maxRowCharacters = 1_048_576

/** What a list's rows are read as. */
export interface ListShape {
  /** of rows that name none */
  readonly kind: string
  /** names of the column that has the subject's code: `subject`, or the kind's own such as `uscc` */
  readonly subjectNames: readonly string[]
}

/**
 * The rows of a bureau's own list, never more of them in memory than one: `.csv` with a header (RFC 4180), or `.ndjson` with an
 * object in each line. A column is a field of the record; `kind` may stand beside the subject.
 *
 * @throws {CommandFailed} naming the line that can't be read
 */
export async function* readList(file: string, shape: ListShape): AsyncGenerator<ListedSubject> {
  if (isText(file)) yield* readCsv(file, shape)
  else if (/\.(ndjson|jsonl)$/i.test(file)) yield* readNdjson(file, shape)
  else throw new CommandFailed(`${file} is neither .csv nor .ndjson`)
}

/** Are all its values text? */
export const isText = (file: string): boolean => /\.csv$/i.test(file)

async function* readCsv(file: string, shape: ListShape): AsyncGenerator<ListedSubject> {
  let header: readonly string[] | undefined
  for await (const { line, cells } of csvRows(file)) {
    if (header === undefined) {
      header = cells.map((cell) => cell.trim())
      if (new Set(header).size < header.length) throw new CommandFailed(`${file}: a column stands twice in the header`)
      if (!header.some((name) => shape.subjectNames.includes(name)))
        throw new CommandFailed(
          `${file}: the header has no column ${shape.subjectNames.join(' or ')}; the columns, apart by commas, are ${header.join(' | ')}`,
        )
      continue
    }
    if (cells.length !== header.length)
      throw new CommandFailed(`${file} line ${line}: ${cells.length} cells, but the header has ${header.length} columns`)
    const row = Object.fromEntries(header.map((name, i) => [name, cells[i] ?? '']))
    yield subjectOf(row, { file, line, shape })
  }
  if (header === undefined) throw new CommandFailed(`${file} is empty: it lacks even a header`)
}

async function* readNdjson(file: string, shape: ListShape): AsyncGenerator<ListedSubject> {
  let line = 0
  let rest = ''
  const take = function* (text: string): Generator<ListedSubject> {
    line += 1
    if (text.trim() !== '') yield subjectOf(objectIn(text, file, line), { file, line, shape })
  }
  for await (const chunk of charactersOf(file)) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) yield* take(text)
    if (rest.length > maxRowCharacters) throw tooLong(file, line + 1)
  }
  yield* take(rest)
}

interface RowPlace {
  readonly file: string
  readonly line: number
  readonly shape: ListShape
}

function subjectOf(row: JsonObject, { file, line, shape }: RowPlace): ListedSubject {
  const name = shape.subjectNames.find((each) => typeof row[each] === 'string' && row[each] !== '')
  const subject = name === undefined ? undefined : row[name]
  if (typeof subject !== 'string') throw new CommandFailed(`${file} line ${line} has no ${shape.subjectNames.join(' or ')}`)
  const kind = typeof row.kind === 'string' && row.kind !== '' ? row.kind : shape.kind
  // the code's own field is not compared: it is the key
  const fields = Object.entries(row).filter(([field]) => field !== 'kind' && !shape.subjectNames.includes(field))
  return { line, kind, subject: subject.trim(), fields: Object.fromEntries(fields) }
}

function objectIn(text: string, file: string, line: number): JsonObject {
  let value: Json
  try {
    value = JSON.parse(text)
  } catch {
    throw new CommandFailed(`${file} line ${line} is no JSON`)
  }
  if (!isJsonObject(value)) throw new CommandFailed(`${file} line ${line} is no JSON object`)
  return value
}

/** Rows by RFC 4180: quoted cells may hold commas, line breaks and doubled quotes. Empty lines are none. */
async function* csvRows(file: string): AsyncGenerator<{ readonly line: number; readonly cells: readonly string[] }> {
  let cells: string[] = []
  let cell = ''
  let state: 'plain' | 'quoted' | 'quote' = 'plain'
  let line = 1
  let rowLine = 1
  let length = 0
  for await (const chunk of charactersOf(file)) {
    for (const character of chunk) {
      if (++length > maxRowCharacters) throw tooLong(file, rowLine)
      if (character === '\n') line += 1
      if (state === 'quoted') {
        if (character === '"') state = 'quote'
        else cell += character
        continue
      }
      if (character === '"' && (state === 'quote' || cell === '')) {
        // a doubled quote inside, or the first of a quoted cell
        if (state === 'quote') cell += character
        state = 'quoted'
      } else if (character === ',') {
        cells.push(cell)
        cell = ''
        state = 'plain'
      } else if (character === '\n') {
        cells.push(cell)
        if (cells.length > 1 || cells[0] !== '') yield { line: rowLine, cells }
        cells = []
        cell = ''
        state = 'plain'
        rowLine = line
        length = 0
      } else if (character !== '\r') cell += character
    }
  }
  if (state === 'quoted') throw new CommandFailed(`${file} line ${rowLine}: a quoted cell does not end`)
  cells.push(cell)
  if (cells.length > 1 || cells[0] !== '') yield { line: rowLine, cells }
}

/** A file's text in pieces, without a byte order mark. */
async function* charactersOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    const chunks: AsyncIterable<Buffer> = createReadStream(file)
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (error) {
    if (error instanceof TypeError) throw new CommandFailed(`${file} is not UTF-8: save it as UTF-8 first`)
    if (error instanceof Error && 'code' in error) throw new CommandFailed(`${file} can't be read: ${error.message}`)
    throw error
  }
}

const tooLong = (file: string, line: number) =>
  new CommandFailed(`${file} line ${line} is longer than ${maxRowCharacters} characters`)

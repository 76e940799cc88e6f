import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { maxEventBytes } from '../identity/compact.ts'
import { CommandFailed } from './command.ts'
import { faultOf } from './key-file.ts'

/** One event as it stands in a file. */
export interface InputEvent {
  readonly file: string
  /** from 1; a .json file has its event in line 1 */
  readonly line: number
  /** undefined: longer than any event may be */
  readonly bytes: Buffer | undefined
  /** of the file, up to the end of this event */
  readonly readBytes: number
  /** name of the .json file without its ending; undefined for a line of many */
  readonly base: string | undefined
}

export interface InputFile {
  readonly file: string
  readonly sizeBytes: number
}

/** Whitespace around the members included: what is longer can't become an event. */
const maxLineBytes = 4 * maxEventBytes

/**
 * The files that paths name: `.ndjson` and `.json` as they are, of a folder its `.json` files in name order.
 *
 * @throws {CommandFailed} naming every path that is neither
 */
export async function inputFiles(paths: readonly string[]): Promise<readonly InputFile[]> {
  const faults: string[] = []
  const files: InputFile[] = []
  for (const path of paths) {
    const found = await stat(path).catch((error) => faultOf(error))
    if (typeof found === 'string') faults.push(found)
    else if (found.isDirectory()) files.push(...(await filesOf(path, faults)))
    else if (/\.(ndjson|jsonl|json)$/.test(path)) files.push({ file: path, sizeBytes: found.size })
    else faults.push(`${path} is neither .ndjson, .json nor a folder`)
  }
  if (faults.length > 0) throw new CommandFailed(`nothing was posted:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
  return files
}

async function filesOf(folder: string, faults: string[]): Promise<readonly InputFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  if (names.length === 0) faults.push(`${folder} has no .json file`)
  return Promise.all(
    names.map(async (name) => {
      const file = join(folder, name)
      return { file, sizeBytes: (await stat(file)).size }
    }),
  )
}

/** Every event of the files, in order; never more of a file in memory than a few of its events. */
export async function* inputEvents(files: readonly InputFile[]): AsyncGenerator<InputEvent> {
  let before = 0
  for (const { file, sizeBytes } of files) {
    if (file.endsWith('.json')) {
      const bytes = sizeBytes > maxLineBytes ? undefined : await readFile(file)
      yield { file, line: 1, bytes, readBytes: before + sizeBytes, base: basename(file, '.json') }
    } else {
      for await (const line of linesOf(file)) yield { ...line, file, readBytes: before + line.readBytes, base: undefined }
    }
    before += sizeBytes
  }
}

/** Lines with something in them. */
async function* linesOf(file: string): AsyncGenerator<Pick<InputEvent, 'line' | 'bytes' | 'readBytes'>> {
  let rest = Buffer.alloc(0)
  let tooLong = false
  let line = 0
  let readBytes = 0
  const take = (bytes: Buffer) => {
    line++
    const whole = tooLong || rest.length + bytes.length > maxLineBytes ? undefined : Buffer.concat([rest, bytes])
    rest = Buffer.alloc(0)
    tooLong = false
    return whole
  }
  const chunks: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: 256 * 1024 })
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      readBytes += end + 1 - start
      const bytes = take(chunk.subarray(start, end))
      start = end + 1
      if (!isBlank(bytes)) yield { line, bytes, readBytes }
    }
    readBytes += chunk.length - start
    if (rest.length + chunk.length - start > maxLineBytes) tooLong = true
    rest = tooLong ? Buffer.alloc(0) : Buffer.concat([rest, chunk.subarray(start)])
  }
  const bytes = tooLong || rest.length > 0 ? take(Buffer.alloc(0)) : Buffer.alloc(0)
  if (!isBlank(bytes)) yield { line, bytes, readBytes }
}

const isBlank = (bytes: Buffer | undefined) => bytes !== undefined && bytes.toString('latin1').trim() === ''

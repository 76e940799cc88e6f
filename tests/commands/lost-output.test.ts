import { spawn } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newFolder } from '../audit/log-prefix.ts'
import { built } from '../support/built.ts'
import { cleanEnv, mainFile } from '../support/lianban.ts'
import { type MadeLog, makeLog } from '../support/made-log.ts'
import { serveStatic } from '../support/static-log.ts'

let log: MadeLog
let work: string

beforeAll(async () => {
  await built()
  log = await makeLog({ events: 60, subjects: 10 })
  work = await newFolder()
})
afterAll(async () => {
  await rm(log.dir, { recursive: true, force: true })
  await rm(work, { recursive: true, force: true })
})

/** Runs a command on what takes not a byte: a full disk, or a pipe that nobody reads any more. */
async function unheard(args: readonly string[], isPipe = false) {
  const full = await open('/dev/full', 'w')
  const child = spawn(process.execPath, [mainFile, 'audit', ...args, '--vkey', log.vkey], {
    env: cleanEnv(),
    stdio: ['ignore', isPipe ? 'pipe' : full.fd, 'pipe'],
  })
  child.stdout?.destroy()
  const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  const { stderr } = child
  if (stderr === null) throw new Error('it has no standard error')
  const [code, said] = await Promise.all([exited, text(stderr)])
  await full.close()
  return { code, said }
}

it('an answer that can’t be written ends every command with code 2 and one sentence, a reader that went away with none', async () => {
  const server = await serveStatic(log.dir)
  const evidence = join(work, 'e.zip')
  const commands = [
    ['verify', log.dir, '--workers', '1'],
    ['verify', log.dir, '--workers', '1', '--json'],
    ['export', log.dir, '--out', join(work, 'exported')],
    ['mirror', server.url, '--once', '--out', join(work, 'mirror')],
    ['evidence', '--subject', log.subjects[0] ?? '', '--from', log.dir, '--out', evidence],
    ['evidence', '--check', evidence],
  ]
  for (const args of commands) {
    const full = await unheard(args)
    expect(full.said, args.join(' ')).toMatch(/^lianban: the answer can't be written \(ENOSPC[^\n]*\n$/)
    expect(full.code).toBe(2)
  }
  expect(await unheard(['verify', log.dir, '--json'], true)).toEqual({ code: 2, said: '' })
  await server.stop()
})

import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One temporary folder for a whole vitest run, of every process that comes of it: what a test leaves behind goes with the run. */
export default async function setup(): Promise<() => Promise<void>> {
  const { TMPDIR } = process.env
  const folder = await mkdtemp(join(tmpdir(), 'lianban-run-'))
  // as root, what runs as another user must reach it
  await chmod(folder, 0o1777)
  process.env.TMPDIR = folder
  return async () => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

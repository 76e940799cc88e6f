import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'

/** The command as it is built; `npm test` builds before anything runs. */
export const mainFile = path.join(import.meta.dirname, '..', '..', 'dist', 'main.js')

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Nothing of the machine's own settings reaches what is tested. */
export function cleanEnv(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    TMPDIR: process.env.TMPDIR ?? '/tmp',
    NO_COLOR: '1',
    ...env,
  }
}

/** Runs `lianban <args>` to its end. */
export async function lianban(
  args: readonly string[],
  { env = {}, input, cwd }: { env?: Readonly<Record<string, string>>; input?: string; cwd?: string } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [mainFile, ...args], { env: cleanEnv(env), ...(cwd === undefined ? {} : { cwd }) })
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

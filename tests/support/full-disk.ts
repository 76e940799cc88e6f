import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { cleanEnv, mainFile, type Ran } from './lianban.ts'

/** Runs `lianban <args>` where files can be made, but take not a byte: what a full disk is to a program. */
export async function onFullDisk(args: readonly string[]): Promise<Ran> {
  const child = spawn('bash', ['-c', 'ulimit -f 0; exec "$@"', 'bash', process.execPath, mainFile, ...args], {
    env: cleanEnv(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  const [code, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}

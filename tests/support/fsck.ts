import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** What tessera's fsck said of a log. */
export interface Checked {
  /** size of the log it found good; undefined when it found a fault */
  readonly size: number | undefined
  readonly output: string
}

/** It may hang after a fault. */
const timeoutMs = 60_000

/**
 * Lets tessera's fsck read a whole log: bundles, tiles, root and checkpoint.
 *
 * Its exit code says nothing: it is 0 after a fault, too. Only the line of success counts.
 *
 * @param storageUrl what `checkpoint` and `tile/…` are below
 */
export async function runFsck(
  fsck: string,
  {
    storageUrl,
    vkeyFile,
    token,
    timeout = timeoutMs,
  }: { storageUrl: string; vkeyFile: string; token?: string; timeout?: number },
): Promise<Checked> {
  // with its --ui it checks nothing where there is no terminal
  const args = [`--storage_url=${storageUrl}`, `--public_key=${vkeyFile}`, '--ui=false', '-N=4']
  const child = spawn(fsck, token === undefined ? args : [...args, `--bearer_token=${token}`], { timeout, killSignal: 'SIGKILL' })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const output = stdout + stderr
  const size = /Successfully fsck'd log with size (\d+)/.exec(output)?.[1]
  return { size: size === undefined ? undefined : Number(size), output }
}

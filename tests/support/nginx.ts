import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe } from 'vitest'
import { readDocument } from '../docs/documents.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

export interface RunningProxy {
  readonly url: string
  /** what it has noted of each request so far */
  accessLog(): Promise<string>
  stop(): Promise<void>
}

/** Registers the suite where nginx is, and must be in CI; elsewhere says so in one line. */
export function describeWithNginx(name: string, suite: () => void): void {
  if (canRunNginx()) describe(name, suite)
  else {
    describe(name, () => undefined)
    console.log(`${name}: not run, there is no nginx (CI=true makes this a failure)`)
  }
}

function canRunNginx(): boolean {
  if (process.env.CI === 'true') return true
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false // no fault: whoever needs it is CI
  }
}

/**
 * The real nginx with infra/nginx/lianban.conf, of which nothing is changed but addresses and paths.
 *
 * @param folder that others may read; has `fullchain.pem` and `privkey.pem`
 * @param gateways such as `127.0.0.1:8081`, instead of gateway-1 and gateway-2
 */
export async function startNginx(folder: string, gateways: readonly [string, string]): Promise<RunningProxy> {
  const port = await freePort()
  const changes: readonly (readonly [string, string])[] = [
    ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
    ['gateway-1:8080', gateways[0]],
    ['gateway-2:8080', gateways[1]],
    ['/etc/lianban/proxy/', `${folder}/`],
    ['/var/log/nginx/', `${folder}/`],
  ]
  const config = changes.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`infra/nginx/lianban.conf has no ${from}`)
      return text.replaceAll(from, to)
    },
    await readDocument('infra/nginx/lianban.conf'),
  )
  await writeFile(join(folder, 'lianban.conf'), config)
  await mkdir(join(folder, 'temp'), { recursive: true })
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${folder}/temp/${one};`)
  const main = join(folder, 'nginx.conf')
  await writeFile(
    main,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr;
    events { worker_connections 1024; } http { ${paths.join(' ')} include ${folder}/lianban.conf; }`,
  )
  const child = spawn('nginx', ['-p', folder, '-c', main, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] })
  await listening(child, port)
  return {
    url: `https://127.0.0.1:${port}`,
    accessLog: () => readFile(join(folder, 'access.log'), 'utf8'),
    async stop() {
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGQUIT')
      await exited
    },
  }
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  const said = child.stderr === null ? '' : text(child.stderr)
  await eventually(async () => {
    if (child.exitCode !== null) return
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  }, 10_000)
  if (child.exitCode !== null) throw new Error(`nginx did not start: ${await said}`)
}

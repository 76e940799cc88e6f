import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { built } from '../support/built.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { describeWithKafka, sharedKafka } from '../support/kafka.ts'
import { makeKafkaHome } from '../support/kafka-home.ts'
import { cleanEnv } from '../support/lianban.ts'
import { describeWithNginx, type RunningProxy, startNginx } from '../support/nginx.ts'
import { type TestDatabase, testDatabase } from '../support/postgres.ts'
import { blocksOf, readDocument, root } from './documents.ts'

const logOrigin = 'lianban.example/dalian'

describeWithKafka('docs/deploy.md, with a real Kafka', () => {
  describeWithNginx('and a real nginx', () => {
    let folder: string
    let blocks: readonly string[]
    let database: TestDatabase
    let deployment: Deployment
    let kafka: ChildProcess
    let proxy: RunningProxy
    let env: Readonly<Record<string, string>>

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'lianban-deploy-'))
      await chmod(folder, 0o755)
      await symlink(await built(), join(folder, 'dist'))
      await symlink(join(root, 'docs'), join(folder, 'docs'))
      blocks = blocksOf(await readDocument('docs/deploy.md'), 'bash')
      database = await testDatabase()
      // has the jars collected
      await sharedKafka()
    })
    afterAll(async () => {
      await proxy?.stop()
      await deployment?.close()
      if (kafka !== undefined && kafka.exitCode === null) {
        const exited = once(kafka, 'exit')
        kafka.kill('SIGTERM')
        await exited
      }
      await database?.close()
      await rm(folder, { recursive: true, force: true })
    })

    it('leads to a running exchange, a first event and a receipt that is good', { timeout: 300_000 }, async () => {
      const [pki, ownKey, first, ...rest] = blocks
      await paste(pki, {})
      kafka = await startBroker()
      env = {
        NODE_ENV: 'production',
        DATABASE_URL: database.url,
        KAFKA_BROKERS: `localhost:${kafkaPort}`,
        KAFKA_SSL_CA: join(folder, 'pki/ca.pem'),
        KAFKA_SASL_MECHANISM: 'plain',
        KAFKA_SASL_USERNAME: 'lianban',
        KAFKA_SASL_PASSWORD: (await readFile(join(folder, 'pki/kafka-password'), 'utf8')).trim(),
        LOG_ORIGIN: logOrigin,
      }
      await paste(ownKey, {})
      deployment = await deploy(env)
      await paste(first, { ...env, LOG_KEY_FILE: deployment.logKeyFile, DATA_DIR: join(folder, 'data') })

      const gateways = [await deployment.start(['gateway']), await deployment.start(['gateway'])]
      await deployment.start(['publish'])
      await deployment.start(['consume', '--bureau', 'commerce'])
      const addresses = gateways.map(({ url }) => new URL(url).host)
      const nginx = join(folder, 'nginx')
      await mkdir(nginx, { mode: 0o755 })
      for (const name of ['fullchain.pem', 'privkey.pem']) await copyFile(join(folder, 'pki/proxy', name), join(nginx, name))
      proxy = await startNginx(nginx, [addresses[0] ?? '', addresses[1] ?? ''])
      await copyFile(join(gateways[0]?.dataDir ?? '', 'log.vkey'), join(folder, 'log.vkey'))
      const said = await paste(rest.join('\n'), {})

      expect(said).toContain('proved    this entry is in the log')
      expect(said).toMatch(/name +大连示例海岸机械有限公司/)
      expect(said).toContain('kafka bus, 4 entries in the log')
      expect(said).toContain('nothing is parked')
      const { stdout } = await promisify(execFile)('openssl', ['verify', '-CAfile', 'pki/ca.pem', 'pki/postgres/server.pem'], {
        cwd: folder,
      })
      expect(stdout).toContain('OK')
    })

    let kafkaPort: number

    /** infra/kafka/start.sh with server.properties, of which nothing is changed but paths and ports. */
    async function startBroker(): Promise<ChildProcess> {
      kafkaPort = await freePort()
      const properties = (await readDocument('infra/kafka/server.properties'))
        .replaceAll('/etc/lianban/', `${folder}/pki/`)
        .replaceAll('/var/lib/kafka/data', `${folder}/kafka-data`)
        .replaceAll('9094', String(await freePort()))
      await writeFile(join(folder, 'server.properties'), properties)
      const child = spawn(join(root, 'infra/kafka/start.sh'), [], {
        env: cleanEnv({
          KAFKA_HOME: await makeKafkaHome(join(folder, 'kafka')),
          KAFKA_PROPERTIES: join(folder, 'server.properties'),
          KAFKA_PORT: String(kafkaPort),
          DATA_HOST: 'localhost',
          KAFKA_PASSWORD: (await readFile(join(folder, 'pki/kafka-password'), 'utf8')).trim(),
        }),
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let ready = false
      createInterface({ input: child.stdout }).on('line', (line) => {
        ready ||= line.endsWith('Kafka Server started')
      })
      await eventually(async () => {
        if (child.exitCode !== null) throw new Error('the broker did not start')
        return ready
      }, 60_000)
      return child
    }

    /** Runs a block in this test's folder; a view follows the log within moments, and a test pastes faster than a person. */
    async function paste(block: string | undefined, settings: Readonly<Record<string, string>>): Promise<string> {
      const script = (block ?? 'false')
        .replaceAll('data.lianban.internal', 'localhost')
        .replaceAll('/run/first/', '')
        .replaceAll('https://exchange.lianban.internal', proxy?.url.replace('127.0.0.1', 'localhost') ?? '')
        .replaceAll('exchange.lianban.internal', 'localhost')
        .replace(/^(?=lianban record show)/gm, 'soon ')
      const preamble = `set -euo pipefail
        lianban() { ${JSON.stringify(process.execPath)} dist/main.js "$@"; }
        soon() { for _ in $(seq 100); do "$@" && return; sleep 0.1; done; "$@"; }\n`
      await writeFile(join(folder, 'pasted.sh'), preamble + script)
      const { stdout } = await promisify(execFile)('bash', ['pasted.sh'], { cwd: folder, env: cleanEnv(settings) })
      return stdout
    }
  })
})

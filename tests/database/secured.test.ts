import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Leases } from '../../src/bus/leases.ts'
import { connect, pingDatabase } from '../../src/database/connect.ts'
import { isDatabaseAway } from '../../src/database/database-error.ts'
import { postgresHome } from '../../src/database/embedded/home.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded/start.ts'
import { keepingLog } from '../support/bus-log.ts'
import { type MadeCa, type MadeCertificate, makeCa } from '../support/certificates.ts'
import { type Deployment, deploy } from '../support/e2e-deployment.ts'
import { testDatabase } from '../support/postgres.ts'

describe('a Postgres that takes only TLS, and only clients with a certificate', () => {
  let folder: string
  let server: EmbeddedPostgres
  let ca: MadeCa
  let other: MadeCa
  let client: MadeCertificate

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lianban-postgres-tls-'))
    await chmod(folder, 0o755)
    ca = await makeCa(folder, 'ca')
    other = await makeCa(folder, 'other')
    client = await ca.sign('client')
    const { certFile, keyFile } = await ca.sign('database', 'DNS:db.example', 'IP:127.0.0.1')
    const hba = join(folder, 'pg_hba.conf')
    await writeFile(hba, 'hostssl all all all scram-sha-256 clientcert=verify-ca\n')
    const { user } = await postgresHome(folder)
    if (user) await chown(keyFile, user.uid, user.gid)
    const settings = {
      fsync: 'off',
      ssl: 'on',
      ssl_cert_file: certFile,
      ssl_key_file: keyFile,
      ssl_ca_file: ca.file,
      hba_file: hba,
    }
    const log = { info: () => undefined, error: (message: string) => console.error(message) }
    server = await startEmbeddedPostgres({ dataDir: folder, log, settings })
  })
  afterAll(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** @param changes `undefined` leaves a parameter out */
  function urlWith(changes: Readonly<Record<string, string | undefined>> = {}): string {
    const url = new URL(server.url)
    const all = { sslmode: 'verify-full', sslrootcert: ca.file, sslcert: client.certFile, sslkey: client.keyFile, ...changes }
    for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value)
    return url.href
  }

  async function ping(url: string): Promise<void> {
    const database = connect(url, { name: 'test' })
    await pingDatabase(database).finally(() => database.close())
  }

  test.each(['verify-full', 'verify-ca', 'require'])('is used with sslmode=%s', (sslmode) => ping(urlWith({ sslmode })))

  test.each([
    ['the wrong CA', () => ({ sslrootcert: other.file }), 'name the CA’s file in sslrootcert of DATABASE_URL'],
    ['the wrong CA and less care', () => ({ sslrootcert: other.file, sslmode: 'require' }), 'name the CA’s file in sslrootcert'],
    ['the CAs of the world alone', () => ({ sslrootcert: 'system' }), 'name the CA’s file in sslrootcert of DATABASE_URL'],
    ['no certificate of ours', () => ({ sslcert: undefined, sslkey: undefined }), 'a valid client certificate'],
    ['no TLS', () => ({ sslmode: 'disable', sslrootcert: undefined, sslcert: undefined, sslkey: undefined }), 'no encryption'],
    [
      'a file that is not there',
      () => ({ sslrootcert: '/none.pem' }),
      'sslrootcert of DATABASE_URL can’t be read: ENOENT /none.pem',
    ],
  ])('with %s, the start says what to do', async (_, changes, words) => {
    await expect(ping(urlWith(changes()))).rejects.toThrow(words)
  })

  test('a server whose certificate is no longer trusted is away, for whoever asks a process that runs', async () => {
    const database = connect(urlWith({ sslrootcert: other.file }), { name: 'test', maxConnections: 1 })
    const refused = await database.raw`select 1`.catch((error: unknown) => error)
    await database.close()
    expect(refused).toMatchObject({ code: 'CONNECTION_NOT_SECURED', message: expect.stringContaining('name the CA’s file') })
    expect(isDatabaseAway(refused)).toBe(true)
  })

  test('a server of another name is used only when its name is not asked for', async () => {
    const named = (sslmode: string) => urlWith({ sslmode }).replace('@127.0.0.1', '@localhost')
    await expect(ping(named('verify-full'))).rejects.toThrow('the server’s certificate is for other names')
    await expect(ping(named('verify-ca'))).resolves.toBeUndefined()
  })

  test('a whole exchange keeps to TLS: its views, its migrations, its listeners and its leases', async () => {
    let deployment: Deployment | undefined
    const database = connect(urlWith(), { name: 'looker-on' })
    const leases = new Leases(database.raw, keepingLog())
    try {
      deployment = await deploy({ DATABASE_URL: urlWith() })
      const { url } = await deployment.start(['serve'])
      expect((await fetch(`${url}/health/ready`)).status).toBe(200)
      expect(await leases.acquire('test', new AbortController().signal)).toBeDefined()
      // since PostgreSQL 18 a connection is seen before its handshake is over
      const connections = await database.raw`
        select ssl, client_dn, application_name from pg_stat_ssl join pg_stat_activity using (pid)
        where backend_type = 'client backend' and state is distinct from 'starting'`
      expect(connections.length).toBeGreaterThan(4)
      expect(new Set(connections.map(({ ssl, client_dn }) => `${ssl} ${client_dn}`))).toEqual(new Set(['true /CN=client']))
    } finally {
      await leases.close()
      await database.close()
      await deployment?.close()
    }
  })
})

test('a server that offers no TLS is not used when it is asked for', async () => {
  const plain = await testDatabase()
  const database = connect(`${plain.url}?sslmode=require`, { name: 'test' })
  await expect(pingDatabase(database)).rejects.toThrow('the server offers no TLS, which sslmode=require of DATABASE_URL asks for')
  await database.close()
  await plain.close()
})
